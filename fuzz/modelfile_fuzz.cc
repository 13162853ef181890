// Any bytes as a Modelfile: refused with a reason, or understood, and then what is written of it
// reads back as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "import/modelfile_text.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ingot::import;
  const auto modelfile = ParseModelfile({reinterpret_cast<const char*>(data), size});
  if (!modelfile.ok()) {
    Require(!modelfile.status().message().empty());
    return 0;
  }
  Require(!modelfile->from.empty());
  const auto text = ModelfileText(*modelfile);
  if (!text.ok()) return 0;  // a value that no quotes hold
  const auto again = ParseModelfile(*text);
  Require(again.ok());
  Require(again->from == modelfile->from && again->draft == modelfile->draft);
  Require(again->chat_template == modelfile->chat_template);
  Require(again->system == modelfile->system && again->licenses == modelfile->licenses);
  Require(again->parser == modelfile->parser && again->renderer == modelfile->renderer);
  Require(again->requires_version == modelfile->requires_version);
  Require(again->parameters.ToJson() == modelfile->parameters.ToJson());
  Require(MessagesJson(again->messages) == MessagesJson(modelfile->messages));
  const auto messages = ParseMessagesJson(MessagesJson(modelfile->messages));
  Require(messages.ok() && messages->size() == modelfile->messages.size());
  return 0;
}
