// How much memory there is, for this process: the machine's, cut to what its cgroup allows.
// Pure reading; any thread.
#ifndef INGOT_CORE_MEMORY_H_
#define INGOT_CORE_MEMORY_H_

#include <cstdint>
#include <string>

#include "core/env.h"
#include "core/status.h"

namespace ingot::core {

struct MemoryInfo {
  uint64_t total = 0;      // bytes
  uint64_t available = 0;  // what can be taken without swapping, as the kernel estimates it
};

// A file of /proc or /sys, which claim a length of 0 or of a page: read byte by byte to the end, or
// to 1 MiB.
Result<std::string> ReadKernelFile(Env& env, const Path& path);

// root stands before /proc and /sys in every path, for tests.
Result<MemoryInfo> ReadMemoryInfo(Env& env, const Path& root = "/");

// Bytes of this process that lie in memory. Linux only: elsewhere kNotFound.
Result<uint64_t> ReadResidentBytes(Env& env);

}  // namespace ingot::core

#endif  // INGOT_CORE_MEMORY_H_
