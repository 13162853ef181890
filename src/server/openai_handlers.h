// The handlers of the OpenAI API that have files of their own, for its table of routes.
#ifndef INGOT_SERVER_OPENAI_HANDLERS_H_
#define INGOT_SERVER_OPENAI_HANDLERS_H_

#include "server/context.h"
#include "server/exchange.h"

namespace ingot::server {

// openai_models.cc
void HandleListModels(Context& context, const ExchangePtr& exchange);
void HandleGetModel(Context& context, const ExchangePtr& exchange);

// responses_handlers.cc
void HandleResponses(Context& context, const ExchangePtr& exchange);
void HandleGetResponse(Context& context, const ExchangePtr& exchange);
void HandleDeleteResponse(Context& context, const ExchangePtr& exchange);
void HandleResponseItems(Context& context, const ExchangePtr& exchange);

}  // namespace ingot::server

#endif  // INGOT_SERVER_OPENAI_HANDLERS_H_
