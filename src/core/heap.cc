#include "core/heap.h"

#include <cstdlib>  // defines __GLIBC__
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace ingot::core {

void ShareHeaps() {
#ifdef __GLIBC__
  // Small things come from each thread's own cache, so few heaps are no bottleneck.
  constexpr int kHeaps = 4;
  mallopt(M_ARENA_MAX, kHeaps);
#endif
}

void ReturnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace ingot::core
