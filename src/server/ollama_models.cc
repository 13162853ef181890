// What the Ollama API says of the models that there are.
#include "server/errors.h"
#include "server/ollama_handlers.h"
#include "server/version.h"

namespace ingot::server {

void HandleVersion(Context& context, const ExchangePtr& exchange) {
  (void)context;
  exchange->Send(JsonReply(200, {{"version", kOllamaVersion}, {"ingot", OwnVersion()}}));
}

}  // namespace ingot::server
