#include "cli/gpu_facts.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "core/memory.h"

namespace ingot::cli {
namespace {

bool IsVersion(const std::string& word) {
  const auto is_part = [](char c) { return c == '.' || (c >= '0' && c <= '9'); };
  return word.size() > 2 && word.find('.') != std::string::npos && word.front() != '.' &&
         std::all_of(word.begin(), word.end(), is_part);
}

}  // namespace

std::optional<std::string> NvidiaVersion(std::string_view text) {
  std::istringstream words{std::string(text.substr(0, text.find('\n')))};
  for (std::string word; words >> word;) {
    if (IsVersion(word)) return word;
  }
  return std::nullopt;
}

std::optional<std::string> LoadedNvidiaDriver(core::Env& env) {
  const auto text = core::ReadKernelFile(env, "/proc/driver/nvidia/version");
  if (!text.ok()) return std::nullopt;
  return NvidiaVersion(*text);
}

std::optional<std::string> CudaHeaders(core::Env& env, const core::Path& libmlx) {
  const auto has_headers = [&](const core::Path& folder) {
    return env.Stat(folder / "cuda_fp16.h").ok();
  };
  // <packages>/mlx/lib/libmlx.so
  const core::Path packages = libmlx.parent_path().parent_path().parent_path();
  const core::Path beside = packages / "nvidia" / "cu13" / "include";
  if (has_headers(beside)) return beside.native();
  core::Path toolkit = "/usr/local/cuda";
  for (const char* variable : {"CUDA_PATH", "CUDA_HOME"}) {
    const char* folder = std::getenv(variable);
    if (folder != nullptr && *folder != 0) toolkit = folder;
  }
  const core::Path headers = toolkit / "include";
  return has_headers(headers) ? std::optional(headers.native()) : std::nullopt;
}

}  // namespace ingot::cli
