// A Modelfile: what a model is made from and how it is to be used.
//
//   FROM ./folder             a folder of weights, or the name of a model in the store
//   DRAFT ./small             a second, small model that guesses ahead
//   TEMPLATE """…"""          SYSTEM, LICENSE, PARSER, RENDERER, REQUIRES likewise
//   PARAMETER temperature 0.7
//   MESSAGE user "Hello"
//
// Commands are written in any case; # begins a comment where a command could begin; a value is the
// rest of the line, or a text in "…" or """…""" that may span lines and ends where a line ends with
// the closing quotes. UTF-8, or UTF-16 with a byte order mark.
//
// Pure. A value; any thread.
#ifndef INGOT_IMPORT_MODELFILE_H_
#define INGOT_IMPORT_MODELFILE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "import/parameters.h"

namespace ingot::import {

inline constexpr std::string_view kModelfileName = "Modelfile";
inline constexpr uint64_t kMaxModelfileBytes = uint64_t{16} << 20;
// What a model says that it needs unless its Modelfile says more, and the least that it may say.
inline constexpr std::string_view kLeastVersion = "0.19.0";

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

// The last of several FROM, DRAFT, TEMPLATE, SYSTEM, PARSER, RENDERER and REQUIRES counts; every
// LICENSE and MESSAGE does.
struct Modelfile {
  std::string from;
  std::optional<std::string> draft;
  std::optional<std::string> chat_template;
  std::optional<std::string> system;
  std::vector<std::string> licenses;
  std::string parser;
  std::string renderer;
  std::string requires_version;
  Parameters parameters;
  std::vector<ChatMessage> messages;
};

// Errors name the line. ADAPTER is refused: models of tensors have none.
core::Result<Modelfile> ParseModelfile(std::string_view text);

// The messages layer: a JSON array and a newline.
std::string MessagesJson(const std::vector<ChatMessage>& messages);
core::Result<std::vector<ChatMessage>> ParseMessagesJson(std::string_view json);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_MODELFILE_H_
