// Memory for the length of one operation. A thread keeps what it has had, since memory that the
// system hands out anew costs more to touch than most operations take; what is beyond a bound goes
// back at once.
//
// Of one thread, which may let others use the bytes meanwhile. Two at once on one thread are two
// pieces of memory.
#ifndef INGOT_KERNELS_SCRATCH_H_
#define INGOT_KERNELS_SCRATCH_H_

#include <cstddef>

namespace ingot::kernels {

class Scratch {
 public:
  // Aligned to 64 bytes, not cleared.
  explicit Scratch(size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_;
  size_t capacity_;
};

}  // namespace ingot::kernels

#endif  // INGOT_KERNELS_SCRATCH_H_
