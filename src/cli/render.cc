// `ingot render`: the prompt that a conversation becomes for a model, before it is tokens.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/store_access.h"
#include "core/clock.h"
#include "core/strings.h"
#include "engine/chat_format.h"

namespace ingot::cli {
namespace {

using core::Json;
using core::Result;
using core::StrCat;

constexpr uint64_t kMaxInputBytes = uint64_t{64} << 20;

struct RenderOptions {
  std::string model;
  std::string messages;
  std::string tools;
  std::string think;
  bool no_answer = false;
  bool json = false;
};

Result<Json> ReadJsonFile(Session& session, const std::string& path) {
  std::string text;
  std::string label = "standard input";
  if (path == "-") {
    char buffer[65536];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, stdin)) {
      text.append(buffer, got);
      if (text.size() > kMaxInputBytes) {
        return core::Exhausted(StrCat(label, " is over ", core::HumanBytes(kMaxInputBytes)));
      }
    }
    if (std::ferror(stdin) != 0) return core::IoError("standard input cannot be read");
  } else {
    label = core::Printable(path);
    INGOT_ASSIGN(text, core::ReadSmallFile(session.env(), path, kMaxInputBytes));
  }
  Result<Json> json = core::ParseJson(text);
  if (json.ok()) return json;
  return std::move(json).status().Context(label).WithHint(
      R"(A conversation is a list such as [{"role": "user", "content": "Hello"}].)");
}

// The conversation of the file, which may bring its tools along as requests to a server do.
Result<text::ChatRequest> ReadRequest(Session& session, const RenderOptions& options) {
  INGOT_ASSIGN(const Json file, ReadJsonFile(session, options.messages));
  text::ChatRequest request;
  auto messages = text::MessagesFromJson(file);
  if (!messages.ok())
    return std::move(messages).status().Context(core::Printable(options.messages));
  request.messages = *std::move(messages);
  if (!options.tools.empty()) {
    INGOT_ASSIGN(const Json tools, ReadJsonFile(session, options.tools));
    auto checked = text::ToolsFromJson(tools);
    if (!checked.ok()) return std::move(checked).status().Context(core::Printable(options.tools));
    request.tools = *std::move(checked);
  } else if (file.is_object() && file.contains("tools")) {
    auto checked = text::ToolsFromJson(file["tools"]);
    if (!checked.ok()) {
      return std::move(checked).status().Context(core::Printable(options.messages));
    }
    request.tools = *std::move(checked);
  }
  INGOT_ASSIGN(request.think, text::ParseThink(options.think));
  request.add_generation_prompt = !options.no_answer;
  request.continue_last = !options.no_answer;
  request.wall_ns = core::Clock::System().WallNs();
  return request;
}

// Byte ranges of the prompt that came from the conversation or the tools: no control token is read
// out of them.
Json UserSpans(const text::RenderedChat& prompt) {
  Json spans = Json::array();
  size_t at = 0;
  for (const text::TextSegment& segment : prompt.Segments()) {
    if (!segment.trusted) spans.push_back({at, at + segment.text.size()});
    at += segment.text.size();
  }
  return spans;
}

core::Status RenderConversation(Session& session, const RenderOptions& options) {
  INGOT_ASSIGN(text::ChatRequest request, ReadRequest(session, options));
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const engine::ChatFormat format, engine::ChatFormat::Load(source->files()));
  if (!format.can_chat()) {
    return core::NotFound(StrCat(source->files().label(), ": has no chat template"))
        .WithHint(
            "Give it one with TEMPLATE or RENDERER in a Modelfile: ingot create NAME -f "
            "Modelfile.");
  }
  format.AddSystem(request);
  INGOT_ASSIGN(const text::RenderedChat prompt, format.Render(request));
  if (request.HasTools() && !format.shows_tools()) {
    return core::Unsupported(StrCat(source->files().label(), ": its template knows no tools"))
        .WithHint("Leave --tools out, or give the model a TEMPLATE or RENDERER that has them.");
  }
  if (options.json) {
    session.PrintJson({{"prompt", prompt.text()},
                       {"user_spans", UserSpans(prompt)},
                       {"images", prompt.images},
                       {"in_thinking", prompt.in_thinking},
                       {"template", format.source()},
                       {"parser", format.parser()}});
  } else if (session.out_is_terminal()) {
    session.Print(TextFor(session, prompt.text()));
  } else {
    session.Print(prompt.text());  // to the byte
  }
  return core::Status::Ok();
}

}  // namespace

void AddRenderCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "render", "Show the prompt that a conversation becomes for a model", kRunGroup,
      "  ingot render my-model -f messages.json\n"
      "  ingot render ./checkpoint -f messages.json --tools tools.json --think false\n"
      "  echo '[{\"role\": \"user\", \"content\": \"Hi\"}]' | ingot render my-model -f - "
      "--json");
  const auto options = std::make_shared<RenderOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command
      .add_option("-f,--file", options->messages,
                  "The conversation as JSON, a list of messages; - reads standard input")
      ->required()
      ->type_name("FILE");
  command.add_option("--tools", options->tools, "Tools to offer, a JSON list of functions")
      ->type_name("FILE");
  command
      .add_option("--think", options->think,
                  "Whether or how much to think: true, false, low, medium, high, max")
      ->type_name("LEVEL");
  command.add_flag("--no-generation-prompt", options->no_answer,
                   "The conversation alone, without what opens the model's answer");
  command.add_flag("--json", options->json,
                   "Print one JSON object: prompt, user_spans (bytes that are no control tokens)");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(RenderConversation(s, *options)); };
  });
}

}  // namespace ingot::cli
