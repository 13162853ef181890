// The handlers of the Ollama API, for its table of routes.
#ifndef INGOT_SERVER_OLLAMA_HANDLERS_H_
#define INGOT_SERVER_OLLAMA_HANDLERS_H_

#include <cstdint>
#include <memory>

#include "core/status.h"
#include "server/context.h"
#include "server/exchange.h"
#include "server/route.h"

namespace ingot::server {

// ollama_generate.cc
void HandleGenerate(Context& context, const ExchangePtr& exchange);
void HandleChat(Context& context, const ExchangePtr& exchange);

// ollama_models.cc
void HandleVersion(Context& context, const ExchangePtr& exchange);
void HandleStatus(Context& context, const ExchangePtr& exchange);
void HandleTags(Context& context, const ExchangePtr& exchange);
void HandlePs(Context& context, const ExchangePtr& exchange);
void HandleShow(Context& context, const ExchangePtr& exchange);
void HandleCopy(Context& context, const ExchangePtr& exchange);
void HandleDelete(Context& context, const ExchangePtr& exchange);

// ollama_transfer.cc
void HandlePull(Context& context, const ExchangePtr& exchange);
void HandlePush(Context& context, const ExchangePtr& exchange);

// ollama_create.cc
void HandleCreate(Context& context, const ExchangePtr& exchange);
void HandleHasBlob(Context& context, const ExchangePtr& exchange);
core::Result<std::unique_ptr<BodySink>> MakeBlobSink(Context& context, const Request& head,
                                                     int64_t length);

// ollama_embed.cc
void HandleEmbed(Context& context, const ExchangePtr& exchange);
void HandleEmbeddings(Context& context, const ExchangePtr& exchange);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OLLAMA_HANDLERS_H_
