// The handlers of the Ollama API, for its table of routes.
#ifndef INGOT_SERVER_OLLAMA_HANDLERS_H_
#define INGOT_SERVER_OLLAMA_HANDLERS_H_

#include "server/context.h"
#include "server/exchange.h"

namespace ingot::server {

// ollama_generate.cc
void HandleGenerate(Context& context, const ExchangePtr& exchange);
void HandleChat(Context& context, const ExchangePtr& exchange);

// ollama_models.cc
void HandleVersion(Context& context, const ExchangePtr& exchange);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OLLAMA_HANDLERS_H_
