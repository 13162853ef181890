#include "ops/gpu/memory.h"

#include <algorithm>
#include <exception>
#include <string>
#include <variant>

#include "core/log.h"
#include "core/strings.h"
#include "ops/array.h"
#include "ops/gpu/choice.h"

namespace ingot::ops::gpu {
namespace {

constexpr uint64_t kLeastCache = uint64_t{64} << 20;
constexpr uint64_t kMostCache = uint64_t{4} << 30;

}  // namespace

DeviceMemory ReadDeviceMemory() {
  DeviceMemory memory;
  const auto& info = mx::device_info(mx::default_device());
  const auto read = [&](const char* key, std::optional<uint64_t>& value) {
    const auto found = info.find(key);
    if (found != info.end() && std::holds_alternative<size_t>(found->second)) {
      value = std::get<size_t>(found->second);
    }
  };
  // Metal and CUDA use different names for the same thing.
  read("memory_size", memory.total);
  read("total_memory", memory.total);
  read("free_memory", memory.free);
  read("max_recommended_working_set_size", memory.recommended);
  return memory;
}

MemoryLimits LimitsFor(const DeviceMemory& memory, uint64_t active) {
  const uint64_t usable = memory.recommended.value_or(memory.total.value_or(0));
  const uint64_t left = usable > active ? usable - active : 0;
  return {.wired = std::min(active, memory.recommended.value_or(0)),
          .cache = std::clamp(left / 8, kLeastCache, kMostCache)};
}

void HeldMemory::Hold() {
  if (BackEndInUse() == BackEnd::kCpu) return;
  try {
    const MemoryLimits limits = LimitsFor(ReadDeviceMemory(), mx::get_active_memory());
    mx::set_cache_limit(limits.cache);
    mx::clear_cache();
    held_ = true;
    if (limits.wired > 0) mx::set_wired_limit(limits.wired);
  } catch (const std::exception& error) {
    core::LogWarning(core::StrCat("the GPU's memory limits could not be set: ", error.what()));
  }
}

HeldMemory::~HeldMemory() {
  if (!held_) return;
  try {
    mx::synchronize();
    mx::clear_cache();
    // Other models may still be there.
    const MemoryLimits limits = LimitsFor(ReadDeviceMemory(), mx::get_active_memory());
    if (BackEndInUse() == BackEnd::kMetal) mx::set_wired_limit(limits.wired);
  } catch (const std::exception& error) {
    core::LogWarning(core::StrCat("the GPU's memory could not be given back: ", error.what()));
  }
}

}  // namespace ingot::ops::gpu
