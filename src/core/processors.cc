#include "core/processors.h"

#if defined(__linux__)
#include <sched.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/strings.h"

namespace ingot::core {
namespace {

namespace fs = std::filesystem;

// Where one hierarchy is mounted, and which of its groups the mount shows as its root.
struct CgroupMount {
  bool unified = false;  // version 2
  std::string group;
  fs::path directory;
};

// These files belong to the kernel and have no size to speak of, so they are read as they come and
// not through Env.
std::optional<std::string> ReadKernelFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// mountinfo writes spaces, tabs, newlines and backslashes in paths as \ooo.
std::string UndoOctal(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) &&
        octal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

bool HasController(std::string_view comma_list, std::string_view controller) {
  const auto names = Split(comma_list, ',');
  return std::find(names.begin(), names.end(), controller) != names.end();
}

// A line: id parent major:minor root mount-point options [tags…] - type source super-options
std::optional<CgroupMount> ParseMount(std::string_view line) {
  const auto fields = Split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return std::nullopt;
  const std::string_view type = dash[1];
  const bool unified = type == "cgroup2";
  if (!unified && !(type == "cgroup" && HasController(dash[3], "cpu"))) return std::nullopt;
  return CgroupMount{unified, UndoOctal(fields[3]), fs::path(UndoOctal(fields[4]))};
}

std::vector<CgroupMount> ReadMounts(const fs::path& root) {
  std::vector<CgroupMount> mounts;
  const auto text = ReadKernelFile(root / "proc/self/mountinfo");
  if (!text) return mounts;
  for (const std::string_view line : Split(*text, '\n')) {
    if (auto mount = ParseMount(line)) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

// The group of this process in a hierarchy, from lines of "id:controllers:path".
std::optional<std::string> GroupIn(bool unified, std::string_view cgroup_file) {
  for (const std::string_view line : Split(cgroup_file, '\n')) {
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool match = unified ? line.substr(0, first) == "0" && controllers.empty()
                               : HasController(controllers, "cpu");
    if (match) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

std::optional<double> Positive(std::string_view text) {
  const auto value = ParseUint(Trim(text));
  if (!value || *value == 0) return std::nullopt;
  return static_cast<double>(*value);
}

// The limit set on one group itself.
std::optional<double> GroupLimit(const fs::path& directory, bool unified) {
  std::optional<double> quota;
  std::optional<double> period;
  if (unified) {  // "150000 100000", or "max 100000"
    const auto text = ReadKernelFile(directory / "cpu.max");
    if (!text) return std::nullopt;
    const auto fields = Split(Trim(*text), ' ');
    if (fields.size() != 2) return std::nullopt;
    quota = Positive(fields[0]);
    period = Positive(fields[1]);
  } else {  // a quota of -1 is none
    const auto quota_text = ReadKernelFile(directory / "cpu.cfs_quota_us");
    const auto period_text = ReadKernelFile(directory / "cpu.cfs_period_us");
    if (!quota_text || !period_text) return std::nullopt;
    quota = Positive(*quota_text);
    period = Positive(*period_text);
  }
  if (!quota || !period) return std::nullopt;
  return *quota / *period;
}

void KeepLeast(std::optional<double>& least, std::optional<double> value) {
  if (value && (!least || *value < *least)) least = value;
}

// The path of a group below its mount. A mount in a container may show only part of the hierarchy,
// and then names the part's root; a group outside that part is taken for its root.
fs::path BelowMount(const std::string& group, const std::string& mount_group) {
  fs::path below = fs::path(group).lexically_relative(mount_group);
  if (below.empty() || *below.begin() == ".." || *below.begin() == ".") return {};
  return below;
}

}  // namespace

int AffinityProcessors() {
#if defined(__linux__)
  // The kernel refuses a mask shorter than its own, so grow until it fits.
  for (size_t cpus = 1024; cpus <= (size_t{1} << 20); cpus *= 2) {
    std::vector<unsigned long> mask(cpus / (8 * sizeof(unsigned long)));
    const size_t bytes = mask.size() * sizeof(unsigned long);
    auto* set = reinterpret_cast<cpu_set_t*>(mask.data());
    if (sched_getaffinity(0, bytes, set) == 0) return std::max(1, CPU_COUNT_S(bytes, set));
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::optional<double> CgroupProcessors(const fs::path& root) {
  const auto own = ReadKernelFile(root / "proc/self/cgroup");
  if (!own) return std::nullopt;
  std::optional<double> least;
  for (const CgroupMount& mount : ReadMounts(root)) {
    const auto group = GroupIn(mount.unified, *own);
    if (!group) continue;
    fs::path directory = root / mount.directory.relative_path();
    KeepLeast(least, GroupLimit(directory, mount.unified));
    for (const fs::path& part : BelowMount(*group, mount.group)) {
      directory /= part;
      KeepLeast(least, GroupLimit(directory, mount.unified));
    }
  }
  return least;
}

int UsableProcessors(int affinity, std::optional<double> quota) {
  int usable = affinity;
  if (quota && *quota < usable) usable = static_cast<int>(std::ceil(*quota));
  return std::max(1, usable);
}

}  // namespace ingot::core
