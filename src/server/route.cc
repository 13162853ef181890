#include "server/route.h"

#include <optional>
#include <utility>

#include "core/strings.h"

namespace ingot::server {
namespace {

std::optional<std::vector<std::string>> Match(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    const size_t pattern_end = pattern.find('/', 1);
    std::string_view want = pattern.substr(0, pattern_end);
    if (want.starts_with("/:") && want.ends_with("*")) {
      if (path.size() < 2 || path.front() != '/') return std::nullopt;
      parts.emplace_back(path.substr(1));
      return parts;
    }
    const size_t path_end = path.find('/', 1);
    const std::string_view have = path.substr(0, path_end);
    if (want.starts_with("/:")) {
      if (have.size() < 2) return std::nullopt;
      parts.emplace_back(have.substr(1));
    } else if (want != have) {
      return std::nullopt;
    }
    const bool pattern_over = pattern_end == std::string_view::npos;
    const bool path_over = path_end == std::string_view::npos;
    if (pattern_over || path_over) {
      if (pattern_over != path_over) return std::nullopt;
      return parts;
    }
    pattern.remove_prefix(pattern_end);
    path.remove_prefix(path_end);
  }
}

}  // namespace

RouteMatch Router::Find(Method method, std::string_view path) const {
  RouteMatch match;
  std::vector<std::string> allowed;
  // A route for HEAD itself comes before the GET that answers it otherwise.
  const Route* instead = nullptr;
  std::vector<std::string> instead_parts;
  for (const auto& table : tables_) {
    for (const Route& route : table) {
      auto parts = Match(route.pattern, path);
      if (!parts) continue;
      if (route.method == method) {
        match.route = &route;
        match.parts = *std::move(parts);
        return match;
      }
      if (method == Method::kHead && route.method == Method::kGet && instead == nullptr) {
        instead = &route;
        instead_parts = *std::move(parts);
      }
      allowed.emplace_back(MethodName(route.method));
    }
  }
  match.route = instead;
  match.parts = std::move(instead_parts);
  match.allowed = core::Join(allowed, ", ");
  return match;
}

ApiStyle StyleOf(std::string_view path) {
  if (path == "/v1/messages" || path.starts_with("/v1/messages/")) return ApiStyle::kAnthropic;
  if (path == "/v1" || path.starts_with("/v1/")) return ApiStyle::kOpenAi;
  return ApiStyle::kOllama;
}

}  // namespace ingot::server
