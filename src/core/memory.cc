#include "core/memory.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr uint64_t kProcFileLimit = uint64_t{1} << 20;

// "MemAvailable:   123 kB" → bytes.
std::optional<uint64_t> MeminfoBytes(std::string_view meminfo, std::string_view key) {
  for (const std::string_view line : Split(meminfo, '\n')) {
    if (line.substr(0, key.size()) != key || line.substr(key.size(), 1) != ":") continue;
    std::string_view value = Trim(line.substr(key.size() + 1));
    if (value.size() < 3 || value.substr(value.size() - 3) != " kB") return std::nullopt;
    value.remove_suffix(3);
    const std::optional<uint64_t> kilobytes = ParseUint(value);
    if (!kilobytes || *kilobytes > (uint64_t{1} << 50)) return std::nullopt;
    return *kilobytes * 1024;
  }
  return std::nullopt;
}

std::optional<uint64_t> NumberIn(Env& env, const Path& path) {
  const Result<std::string> text = ReadKernelFile(env, path);
  return text.ok() ? ParseUint(Trim(*text)) : std::nullopt;  // "max" is no number: no limit
}

struct CgroupFiles {
  const char* limit;
  const char* used;
};
// Version 2, then version 1.
constexpr CgroupFiles kCgroups[] = {
    {"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"},
    {"sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"},
};

}  // namespace

Result<std::string> ReadKernelFile(Env& env, const Path& path) {
  INGOT_ASSIGN(const std::unique_ptr<ReadFile> file, env.OpenRead(path));
  std::string content;
  char byte = 0;
  while (content.size() < kProcFileLimit &&
         file->ReadAt(content.size(), std::as_writable_bytes(std::span(&byte, 1))).ok()) {
    content.push_back(byte);
  }
  return content;
}

Result<MemoryInfo> ReadMemoryInfo(Env& env, const Path& root) {
  INGOT_ASSIGN(const std::string meminfo, ReadKernelFile(env, root / "proc/meminfo"));
  const std::optional<uint64_t> total = MeminfoBytes(meminfo, "MemTotal");
  const std::optional<uint64_t> available = MeminfoBytes(meminfo, "MemAvailable");
  if (!total || !available) {
    return Corrupt("/proc/meminfo: expected MemTotal and MemAvailable in kB");
  }
  MemoryInfo info{*total, std::min(*total, *available)};
  for (const CgroupFiles& files : kCgroups) {
    const std::optional<uint64_t> limit = NumberIn(env, root / files.limit);
    if (!limit || *limit >= info.total) continue;
    const uint64_t used = NumberIn(env, root / files.used).value_or(0);
    info.total = *limit;
    info.available = std::min(info.available, *limit - std::min(*limit, used));
  }
  return info;
}

Result<uint64_t> ReadResidentBytes(Env& env) {
  INGOT_ASSIGN(const std::string status, ReadKernelFile(env, "/proc/self/status"));
  if (const auto bytes = MeminfoBytes(status, "VmRSS")) return *bytes;
  return Corrupt("/proc/self/status: expected VmRSS in kB");
}

}  // namespace ingot::core
