// The table of the Ollama API.
#include <array>

#include "server/ollama_handlers.h"
#include "server/routes.h"

namespace ingot::server {

std::span<const Route> OllamaRoutes() {
  constexpr Role kAnybody = Role::kNone;
  constexpr Role kInfer = Role::kInfer;
  static constexpr std::array kRoutes = {
      Route{Method::kGet, "/api/version", kAnybody, kNoBody, &HandleVersion},
      Route{Method::kPost, "/api/generate", kInfer, kLargeBody, &HandleGenerate},
      Route{Method::kPost, "/api/chat", kInfer, kLargeBody, &HandleChat},
  };
  return kRoutes;
}

}  // namespace ingot::server
