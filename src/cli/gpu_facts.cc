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

std::optional<std::string> CudaHeaders(core::Env& env) {
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const char* folder = std::getenv(variable); folder != nullptr && *folder != 0) {
      return std::string(folder);
    }
  }
  const core::Path usual = "/usr/local/cuda";
  if (env.Stat(usual / "include" / "cuda_fp16.h").ok()) return usual.native();
  return std::nullopt;
}

}  // namespace ingot::cli
