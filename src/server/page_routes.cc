// The chat page: at `/` for browsers, its files below `/page/`. Anybody may see it; what it asks of
// the server then, needs a key where there are keys.
#include <algorithm>
#include <array>
#include <string>

#include "core/strings.h"
#include "server/errors.h"
#include "server/page_files.h"
#include "server/routes.h"

namespace ingot::server {
namespace {

// No scripts, styles or pictures but the page's own, no markup made of text, no framing.
constexpr std::string_view kPolicy =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

void Send(const ExchangePtr& exchange, std::string_view name) {
  const auto files = PageFiles();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const PageFile& one) { return one.name == name; });
  if (file == files.end()) return SendError(*exchange, 404, "there is no such page");
  Reply reply;
  reply.headers.Add("Content-Security-Policy", std::string(kPolicy));
  reply.headers.Add("X-Content-Type-Options", "nosniff");
  reply.headers.Add("Referrer-Policy", "no-referrer");
  reply.headers.Add("Cross-Origin-Opener-Policy", "same-origin");
  reply.headers.Add("Cross-Origin-Resource-Policy", "same-origin");
  // Another version of the program has another page.
  reply.headers.Add("Cache-Control", "no-cache");
  reply.headers.Add("ETag", std::string(file->tag));
  if (name == "index.html") reply.headers.Add("Vary", "Accept");
  if (exchange->request().headers.Get("If-None-Match") == file->tag) {
    reply.status = 304;
  } else {
    reply.content_type = std::string(file->type);
    reply.body = std::string(file->text);
  }
  exchange->Send(std::move(reply));
}

// Programs look here whether a server runs.
void HandleRoot(Context& context, const ExchangePtr& exchange) {
  (void)context;
  const std::string_view accept = exchange->request().headers.Get("Accept");
  if (accept.find("text/html") != std::string_view::npos) return Send(exchange, "index.html");
  exchange->Send(TextReply(200, "Ollama is running"));
}

void HandleFile(Context& context, const ExchangePtr& exchange) {
  (void)context;
  Send(exchange, exchange->request().parts.front());
}

constexpr std::array kRoutes = {
    Route{Method::kGet, "/", Role::kNone, kNoBody, HandleRoot},
    Route{Method::kGet, "/page/:name", Role::kNone, kNoBody, HandleFile},
};

}  // namespace

std::span<const Route> PageRoutes() { return kRoutes; }

}  // namespace ingot::server
