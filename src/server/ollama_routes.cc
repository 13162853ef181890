// The table of the Ollama API.
#include <array>

#include "server/ollama_handlers.h"
#include "server/routes.h"

namespace ingot::server {

std::span<const Route> OllamaRoutes() {
  constexpr Role kAnybody = Role::kNone;
  constexpr Role kInfer = Role::kInfer;
  constexpr Role kManage = Role::kManage;
  static constexpr std::array kRoutes = {
      Route{Method::kGet, "/api/version", kAnybody, kNoBody, &HandleVersion},
      Route{Method::kGet, "/api/status", kAnybody, kNoBody, &HandleStatus},
      Route{Method::kPost, "/api/generate", kInfer, kLargeBody, &HandleGenerate},
      Route{Method::kPost, "/api/chat", kInfer, kLargeBody, &HandleChat},
      Route{Method::kPost, "/api/embed", kInfer, kLargeBody, &HandleEmbed},
      Route{Method::kPost, "/api/embeddings", kInfer, kLargeBody, &HandleEmbeddings},
      Route{Method::kGet, "/api/tags", kInfer, kNoBody, &HandleTags},
      Route{Method::kGet, "/api/ps", kInfer, kNoBody, &HandlePs},
      Route{Method::kPost, "/api/show", kInfer, kSmallBody, &HandleShow},
      Route{Method::kPost, "/api/copy", kManage, kSmallBody, &HandleCopy},
      Route{Method::kDelete, "/api/delete", kManage, kSmallBody, &HandleDelete},
      Route{Method::kPost, "/api/create", kManage, kLargeBody, &HandleCreate},
      Route{Method::kPost, "/api/blobs/:digest", kManage, kNoBody, nullptr, &MakeBlobSink},
      Route{Method::kHead, "/api/blobs/:digest", kManage, kNoBody, &HandleHasBlob},
      Route{Method::kPost, "/api/pull", kManage, kSmallBody, &HandlePull},
      Route{Method::kPost, "/api/push", kManage, kSmallBody, &HandlePush},
  };
  return kRoutes;
}

}  // namespace ingot::server
