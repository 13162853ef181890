// What the C library keeps of the memory that a process has let go, for programs that run for long.
// glibc gives threads heaps of their own, up to eight a processor, and each of them grows to the
// most that its threads ever held at once. Elsewhere these do nothing. Any thread.
#ifndef INGOT_CORE_HEAP_H_
#define INGOT_CORE_HEAP_H_

namespace ingot::core {

// A few heaps for all threads together. To be called before there are many threads: heaps that are
// there stay.
void ShareHeaps();

// Gives pages that nothing lies in back to the system. Takes some milliseconds a gigabyte, in which
// others who ask for memory wait.
void ReturnFreeMemory();

}  // namespace ingot::core

#endif  // INGOT_CORE_HEAP_H_
