// How a model talks: which renderer writes its prompts, which parser reads its answers, what it can
// do. Worked out from config.json and the chat template when a model is imported, and stored with
// it. Pure functions; any thread.
#ifndef INGOT_FAMILY_CHAT_H_
#define INGOT_FAMILY_CHAT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"

namespace ingot::family {

// Chat templates of a checkpoint, either of which may be empty.
struct ChatTemplates {
  std::string_view tokenizer_config = {};  // "chat_template" of tokenizer_config.json
  std::string_view file = {};              // chat_template.jinja

  // The one in use: the first unless it is empty.
  std::string_view Main() const { return tokenizer_config.empty() ? file : tokenizer_config; }
};

struct ChatSupport {
  std::string renderer;  // empty: the template of the checkpoint or of the person
  std::string parser;
  std::vector<std::string> capabilities;  // "completion", "vision", "audio", "tools", "thinking"

  bool operator==(const ChatSupport&) const = default;
};

// Whether a parser tells thinking from the answer: some only for models whose template has it.
enum class Thinking : uint8_t { kNever, kIfTemplate, kAlways };

// What a parser makes of an answer. No parser, or one that we do not know, leaves it to the
// template.
struct ParserAbilities {
  bool tools = false;
  Thinking thinking = Thinking::kIfTemplate;

  bool operator==(const ParserAbilities&) const = default;
};
ParserAbilities AbilitiesOf(std::string_view parser);

// config is the parsed config.json. A person's choice, where not empty, comes before what the
// checkpoint suggests; capabilities follow the parser in use.
ChatSupport DetectChatSupport(const core::Json& config, const ChatTemplates& templates,
                              std::string_view chosen_renderer = {},
                              std::string_view chosen_parser = {});

}  // namespace ingot::family

#endif  // INGOT_FAMILY_CHAT_H_
