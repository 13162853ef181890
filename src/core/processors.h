// How many processors this process may keep busy. Pure but for the files they read; thread-safe.
#ifndef INGOT_CORE_PROCESSORS_H_
#define INGOT_CORE_PROCESSORS_H_

#include <filesystem>
#include <optional>

namespace ingot::core {

// The processors in the calling thread's affinity mask, or all where the system has no such thing.
int AffinityProcessors();

// The processor time a second that the control groups around this process grant it, in processors:
// the least of cpu.max (version 2) and cpu.cfs_quota_us (version 1) from its own group up to the
// root. nullopt without a limit. Reads <root>/proc/self/{cgroup,mountinfo} and the files of the
// mounted hierarchies under root; root is "/" but for tests.
std::optional<double> CgroupProcessors(const std::filesystem::path& root);

// The lesser of both, at least 1. A part of a processor counts as a whole one: a thread that is
// held back at times does more than one that was never started.
int UsableProcessors(int affinity, std::optional<double> quota);

}  // namespace ingot::core

#endif  // INGOT_CORE_PROCESSORS_H_
