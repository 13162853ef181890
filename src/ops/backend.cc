#include "ops/backend.h"

#include <dlfcn.h>

#include <exception>
#include <optional>
#include <string>
#include <variant>

#include <mlx/device.h>
#include <mlx/version.h>

#include "core/strings.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/memory.h"

namespace ingot::ops {
namespace {

namespace mx = mlx::core;
using core::StrCat;

void AddDeviceFacts(const mx::Device& device, BackendInfo& info) {
  const auto& facts = mx::device_info(device);
  const auto text = [&](const char* key) {
    const auto found = facts.find(key);
    const bool has = found != facts.end() && std::holds_alternative<std::string>(found->second);
    return has ? std::get<std::string>(found->second) : std::string();
  };
  const auto number = [&](const char* key) -> std::optional<size_t> {
    const auto found = facts.find(key);
    const bool has = found != facts.end() && std::holds_alternative<size_t>(found->second);
    return has ? std::optional<size_t>(std::get<size_t>(found->second)) : std::nullopt;
  };
  info.device_name = text("device_name");
  info.architecture = text("architecture");
  const auto major = number("compute_capability_major");
  const auto minor = number("compute_capability_minor");
  if (major && minor) info.architecture = StrCat("sm_", *major, *minor);
  const gpu::DeviceMemory memory = gpu::ReadDeviceMemory();
  info.memory_bytes = memory.total;
  info.free_bytes = memory.free;
}

std::string LibraryPath() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&mx::version), &info) == 0) return {};
  return info.dli_fname == nullptr ? std::string() : std::string(info.dli_fname);
}

}  // namespace

core::Result<BackendInfo> Backend() {
  BackendInfo info;
  info.header_version = StrCat(MLX_VERSION_MAJOR, ".", MLX_VERSION_MINOR, ".", MLX_VERSION_PATCH);
  info.library = LibraryPath();
  info.kind = INGOT_MLX_KIND;
  try {
    info.mlx_version = mx::version();
    if (info.mlx_version != info.header_version) {
      return core::Internal(StrCat("libmlx: built for version ", info.header_version,
                                   ", found version ", info.mlx_version));
    }
    const mx::Device device = mx::default_device();
    info.gpu = gpu::HasDevice();
    if (device.type == mx::Device::gpu && !info.gpu) return info;
    info.device = StrCat(info.gpu ? "gpu:" : "cpu:", device.index);
    AddDeviceFacts(device, info);
  } catch (const std::exception& error) {
    return core::Internal(StrCat("MLX could not start: ", error.what()));
  }
  return info;
}

std::optional<uint64_t> MemoryOfGpu() {
  try {
    if (!gpu::HasDevice()) return std::nullopt;
    const gpu::DeviceMemory memory = gpu::ReadDeviceMemory();
    return memory.recommended ? memory.recommended : memory.total;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace ingot::ops
