#include "ops/backend.h"

#include <exception>
#include <string>
#include <variant>

#include <mlx/device.h>
#include <mlx/version.h>

#include "core/strings.h"

namespace ingot::ops {
namespace {

namespace mx = mlx::core;
using core::StrCat;

void AddDeviceFacts(const mx::Device& device, BackendInfo& info) {
  for (const auto& [key, value] : mx::device_info(device)) {
    if (key == "device_name" && std::holds_alternative<std::string>(value)) {
      info.device_name = std::get<std::string>(value);
    }
    // Metal and CUDA use different names for the same thing.
    const bool is_memory = key == "total_memory" || key == "memory_size";
    if (is_memory && std::holds_alternative<size_t>(value)) {
      info.memory_bytes = std::get<size_t>(value);
    }
  }
}

}  // namespace

core::Result<BackendInfo> Backend() {
  BackendInfo info;
  info.header_version = StrCat(MLX_VERSION_MAJOR, ".", MLX_VERSION_MINOR, ".", MLX_VERSION_PATCH);
  info.kind = INGOT_MLX_KIND;
  try {
    info.mlx_version = mx::version();
    if (info.mlx_version != info.header_version) {
      return core::Internal(StrCat("libmlx: built for version ", info.header_version,
                                   ", found version ", info.mlx_version));
    }
    const mx::Device device = mx::default_device();
    info.gpu = device.type == mx::Device::gpu;
    info.device = StrCat(info.gpu ? "gpu:" : "cpu:", device.index);
    AddDeviceFacts(device, info);
  } catch (const std::exception& error) {
    return core::Internal(StrCat("MLX could not start: ", error.what()));
  }
  return info;
}

}  // namespace ingot::ops
