// The memory of the device: what it says of itself, what MLX may keep of it, and giving it back.
#ifndef INGOT_OPS_GPU_MEMORY_H_
#define INGOT_OPS_GPU_MEMORY_H_

#include <cstdint>
#include <optional>

namespace ingot::ops::gpu {

struct DeviceMemory {
  std::optional<uint64_t> total;
  std::optional<uint64_t> free;         // CUDA says it
  std::optional<uint64_t> recommended;  // Metal: how much one program should use
};
DeviceMemory ReadDeviceMemory();

struct MemoryLimits {
  uint64_t wired = 0;  // what is never moved out of memory
  uint64_t cache = 0;  // what was used and is kept for the next step
};
// With `active` bytes of weights in use: all of them wired as far as the device recommends, and an
// eighth of what is left over for the cache, between 64 MiB and 4 GiB.
MemoryLimits LimitsFor(const DeviceMemory& memory, uint64_t active);

// From Hold, when a model has been loaded, to its own end: the limits on a GPU. At the end what the
// model used goes back to the system. The owner keeps it for longer than the model's arrays.
// Used by the thread that builds graphs.
class HeldMemory {
 public:
  HeldMemory() = default;
  HeldMemory(const HeldMemory&) = delete;
  HeldMemory& operator=(const HeldMemory&) = delete;
  ~HeldMemory();
  void Hold();

 private:
  bool held_ = false;
};

}  // namespace ingot::ops::gpu

#endif  // INGOT_OPS_GPU_MEMORY_H_
