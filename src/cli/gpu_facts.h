// What the system says of a GPU apart from MLX: its driver, and what compiling kernels needs.
//
// Pure functions, and reads through the session's Env.
#ifndef INGOT_CLI_GPU_FACTS_H_
#define INGOT_CLI_GPU_FACTS_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/env.h"

namespace ingot::cli {

// The version in what NVIDIA's driver says of itself, such as "580.65.06".
std::optional<std::string> NvidiaVersion(std::string_view text);
// That of the driver that is loaded, if one is.
std::optional<std::string> LoadedNvidiaDriver(core::Env& env);
// The folder with CUDA's headers, looked for where and as MLX does: among the packages that libmlx
// came with, else where CUDA_HOME, else CUDA_PATH says, else in /usr/local/cuda.
std::optional<std::string> CudaHeaders(core::Env& env, const core::Path& libmlx);

}  // namespace ingot::cli

#endif  // INGOT_CLI_GPU_FACTS_H_
