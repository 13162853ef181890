// Keeps a process alive when a mapped file loses pages underneath it (cut by another program, or a
// disk that cannot read): the kernel answers such a read with SIGBUS. The guard's handler puts
// zero pages where the file's were and marks the mapping as damaged; a SIGBUS anywhere else goes
// on to whoever handled it before. Internal to core; thread-safe.
#ifndef INGOT_CORE_MAP_GUARD_H_
#define INGOT_CORE_MAP_GUARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ingot::core {

// One guarded range. Slots are never freed, only reused, so that the handler may look at any of
// them at any time.
struct GuardedRange {
  std::atomic<uintptr_t> begin{0};  // 0: free
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> damaged{false};
  GuardedRange* next = nullptr;       // the list of all slots, fixed once published
  GuardedRange* next_free = nullptr;  // under the registry's lock
};

// Installs the handler at the first call. The range is page-aligned memory of one mmap.
GuardedRange* GuardMapping(const void* begin, size_t size);
void UnguardMapping(GuardedRange* range);

// Mappings alive now, and how many this process may have (vm.max_map_count, less a reserve for
// everybody else in the process).
size_t GuardedMappings();
size_t MappingLimit();

}  // namespace ingot::core

#endif  // INGOT_CORE_MAP_GUARD_H_
