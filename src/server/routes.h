// The tables of routes, one a front end. Constant.
#ifndef INGOT_SERVER_ROUTES_H_
#define INGOT_SERVER_ROUTES_H_

#include <span>

#include "server/route.h"

namespace ingot::server {

std::span<const Route> OllamaRoutes();  // ollama_routes.cc
std::span<const Route> StatusRoutes();  // status_routes.cc: /health, /metrics, /props, stopping

std::span<const Route> OpenAiRoutes();     // openai_routes.cc
std::span<const Route> AnthropicRoutes();  // anthropic_routes.cc
std::span<const Route> PageRoutes();       // page_routes.cc: the chat page, and `/`

}  // namespace ingot::server

#endif  // INGOT_SERVER_ROUTES_H_
