// What computes: the version of MLX in this process, the device that arrays go to unless told
// otherwise, and what is known of it. For `ingot doctor`, logs and bug reports.
//
// Any thread. Values are the caller's own.
#ifndef INGOT_OPS_BACKEND_H_
#define INGOT_OPS_BACKEND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/status.h"

namespace ingot::ops {

struct BackendInfo {
  std::string mlx_version;     // of the library that was loaded: "0.32.4"
  std::string header_version;  // of the headers that we were compiled with
  std::string library;         // where libmlx was loaded from; may be empty
  std::string kind;            // "cpu", "cuda" or "metal": what this program was built for
  std::string device;          // "cpu:0" or "gpu:0"; empty where a build for GPUs finds none
  std::string device_name;     // as the driver or processor calls itself; may be empty
  bool gpu = false;            // whether the default device is a GPU, and there
  std::optional<uint64_t> memory_bytes;  // of the device, where it says so
  std::optional<uint64_t> free_bytes;    // CUDA alone says it
  std::string architecture;              // of a GPU: "sm_90", or Metal's name; may be empty
};

// Fails when the library that was found at run time is not the version that we were built for (its
// classes would not have the layout that our code expects), or when MLX cannot start.
core::Result<BackendInfo> Backend();

// What models may take of a GPU's memory: what the device recommends for one program, or all of it.
// Nothing where it does not say so, and on the CPU, whose memory is the machine's.
std::optional<uint64_t> MemoryOfGpu();

}  // namespace ingot::ops

#endif  // INGOT_OPS_BACKEND_H_
