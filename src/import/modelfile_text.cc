#include "import/modelfile_text.h"

#include "core/json.h"
#include "core/strings.h"

namespace ingot::import {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

constexpr std::string_view kTriple = "\"\"\"";

// As it stands where it is one line that no quotes open and no blanks surround, else in quotes.
Result<std::string> Value(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of("\r\n") == std::string_view::npos &&
                     text.front() != '"' && core::Trim(text) == text;
  if (plain) return std::string(text);
  std::string_view rest = text;
  while (true) {
    const size_t end = rest.find_first_of("\r\n");
    if (end == std::string_view::npos) break;
    if (core::Trim(rest.substr(0, end)).ends_with(kTriple)) {
      return core::Unsupported("a line of it ends in three quotes");
    }
    rest.remove_prefix(end + 1);
  }
  return StrCat(kTriple, text, kTriple);
}

class Writer {
 public:
  Status Add(std::string_view command, std::string_view value) {
    INGOT_ASSIGN(const std::string quoted, Value(value).Context(command));
    text_ += StrCat(command, " ", quoted, "\n");
    return Status::Ok();
  }
  Status AddUnlessEmpty(std::string_view command, std::string_view value) {
    return value.empty() ? Status::Ok() : Add(command, value);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

Status AddParameters(const Parameters& parameters, Writer& writer) {
  if (parameters.empty()) return Status::Ok();
  INGOT_ASSIGN(const Json json, core::ParseJson(parameters.ToJson()));
  for (const auto& [name, value] : json.items()) {
    const Json list = value.is_array() ? value : Json::array({value});
    for (const Json& one : list) {
      INGOT_TRY(writer.Add(StrCat("PARAMETER ", name),
                           one.is_string() ? one.get<std::string>() : one.dump()));
    }
  }
  return Status::Ok();
}

}  // namespace

Result<std::string> ModelfileText(const Modelfile& modelfile) {
  Writer writer;
  INGOT_TRY(writer.Add("FROM", modelfile.from));
  if (modelfile.draft) INGOT_TRY(writer.Add("DRAFT", *modelfile.draft));
  if (modelfile.chat_template) INGOT_TRY(writer.Add("TEMPLATE", *modelfile.chat_template));
  if (modelfile.system) INGOT_TRY(writer.Add("SYSTEM", *modelfile.system));
  for (const std::string& license : modelfile.licenses) {
    INGOT_TRY(writer.AddUnlessEmpty("LICENSE", license));
  }
  INGOT_TRY(writer.AddUnlessEmpty("PARSER", modelfile.parser));
  INGOT_TRY(writer.AddUnlessEmpty("RENDERER", modelfile.renderer));
  INGOT_TRY(writer.AddUnlessEmpty("REQUIRES", modelfile.requires_version));
  INGOT_TRY(AddParameters(modelfile.parameters, writer));
  for (const ChatMessage& message : modelfile.messages) {
    INGOT_TRY(writer.Add(StrCat("MESSAGE ", message.role), message.content));
  }
  return writer.Take();
}

}  // namespace ingot::import
