#include "tests/server/golden.h"

#include <cstdlib>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

namespace ingot::server {
namespace {

using core::Json;

std::string PathOf(const std::string& name) {
  return std::string(INGOT_SOURCE_DIR "/tests/server/data/") + name;
}

Json MessageJson(const text::Message& message) {
  Json json = {{"role", message.role}, {"text", message.Text()}};
  if (message.HasImages()) json["images"] = true;
  if (!message.thinking.empty()) json["thinking"] = message.thinking;
  for (const text::ToolCall& call : message.tool_calls) {
    json["calls"].push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
  }
  if (!message.tool_name.empty()) json["tool_name"] = message.tool_name;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  return json;
}

TokenText TokenOf(const Json& json) {
  return {json.value("id", 0), json["bytes"].get<std::string>(), json["logprob"].get<float>()};
}

}  // namespace

Json ReadData(const std::string& name) {
  std::ifstream file(PathOf(name));
  std::stringstream text;
  text << file.rdbuf();
  const core::Result<Json> json = core::ParseJson(text.str());
  EXPECT_TRUE(json.ok()) << name << ": " << json.status().message();
  return json.ok() ? *json : Json::object();
}

void ExpectGolden(const std::string& name, const Json& found) {
  if (std::getenv("INGOT_WRITE_GOLDENS") != nullptr) {
    std::ofstream(PathOf(name)) << found.dump(1) << "\n";
    return;
  }
  const Json golden = ReadData(name);
  for (const auto& [key, value] : found.items()) {
    EXPECT_EQ(golden.contains(key) ? golden[key].dump(1) : "missing", value.dump(1))
        << name << ": " << key;
  }
  EXPECT_EQ(golden.size(), found.size()) << name << " has cases that nothing makes any more";
}

Json TaskJson(const ChatTask& task) {
  Json json = {
      {"model", task.model},
      {"base",
       {{"temperature", task.base.sampling.temperature}, {"top_p", task.base.sampling.top_p}}}};
  if (task.chat) {
    for (const text::Message& message : task.chat->messages) {
      json["messages"].push_back(MessageJson(message));
    }
    if (!task.chat->tools.is_null()) json["tools"] = task.chat->tools;
    if (task.chat->think.on) json["think"] = *task.chat->think.on;
    if (!task.chat->think.effort.empty()) json["effort"] = task.chat->think.effort;
  }
  if (!task.raw.empty()) json["raw"] = task.raw;
  if (!task.tokens.empty()) json["tokens"] = task.tokens;
  for (const auto& [name, value] : task.settings) json["settings"][name] = value;
  if (task.format) {
    json["format"] = {{"kind", static_cast<int>(task.format->kind)}, {"text", task.format->text}};
  }
  const ToolChoice& choice = task.tool_choice;
  if (choice.mode != ToolChoice::Mode::kAuto) json["choice"] = static_cast<int>(choice.mode);
  if (!choice.name.empty()) json["choice_name"] = choice.name;
  if (!choice.parallel) json["parallel"] = false;
  if (choice.strict) json["strict"] = true;
  if (task.thinking_budget) json["thinking_budget"] = *task.thinking_budget;
  if (task.logprobs >= 0) json["logprobs"] = task.logprobs;
  if (task.prompt_logprobs) json["prompt_logprobs"] = true;
  if (!task.truncate) json["truncate"] = false;
  return json;
}

AnswerPiece PieceOf(const Json& json) {
  AnswerPiece piece;
  piece.thinking = json.value("thinking", "");
  piece.content = json.value("content", "");
  for (const Json& call : json.value("calls", Json::array())) {
    piece.calls.push_back({call["id"], call["name"], call["arguments"]});
  }
  for (const Json& one : json.value("logprobs", Json::array())) {
    PieceLogprob logprob;
    logprob.chosen = TokenOf(one);
    for (const Json& top : one.value("top", Json::array())) logprob.top.push_back(TokenOf(top));
    piece.logprobs.push_back(std::move(logprob));
  }
  return piece;
}

AnswerEnd EndOf(const Json& json) {
  AnswerEnd end;
  if (json.value("finish", "stop") == "length") end.finish = engine::Finish::kLength;
  end.stop_text = json.value("stop_text", "");
  end.called = json.value("called", false);
  end.timings.prompt_tokens = json.value("prompt", 20);
  end.timings.kept_tokens = json.value("cached", 5);
  end.timings.generated_tokens = json.value("generated", 7);
  return end;
}

Json WithoutIds(const Json& json) {
  static const std::regex kId("\\b(msg_|rs_|fc_|fco_|resp_|chatcmpl-|cmpl-)([0-9a-f]{24,32})");
  std::string text = json.dump();
  std::string out;
  std::smatch found;
  while (std::regex_search(text, found, kId)) {
    out += found.prefix().str() + found[1].str() + "<" + std::to_string(found[2].length()) + ">";
    text = found.suffix().str();
  }
  return Json::parse(out + text);
}

}  // namespace ingot::server
