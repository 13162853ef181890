#include "server/constraint.h"

#include <string>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/strings.h"
#include "engine/answer_constraint.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::StrCat;

// All that the task declares, or the one that it names.
Result<std::vector<text::ToolDefinition>> ToolsOf(const ChatTask& task) {
  std::vector<text::ToolDefinition> tools;
  const bool named = task.tool_choice.mode == ToolChoice::Mode::kNamed;
  for (const Json& tool : task.chat->tools) {
    const auto function = tool.find("function");
    if (function == tool.end() || !function->is_object()) continue;
    const auto name = function->find("name");
    if (name == function->end() || !name->is_string()) continue;
    if (named && name->get<std::string>() != task.tool_choice.name) continue;
    const auto parameters = function->find("parameters");
    const bool none = parameters == function->end() || parameters->is_null();
    tools.push_back({.name = name->get<std::string>(),
                     .parameters = none ? std::string() : parameters->dump()});
  }
  if (!tools.empty()) return tools;
  return core::InvalidArgument(
      named
          ? StrCat("tool_choice: there is no tool named ", core::Quoted(task.tool_choice.name, 80))
          : std::string("tool_choice: there are no tools to choose from"));
}

}  // namespace

Result<std::unique_ptr<engine::TokenConstraint>> MakeConstraint(const engine::LoadedModel& model,
                                                                const ChatTask& task,
                                                                const Prompt& prompt) {
  const ToolChoice& choice = task.tool_choice;
  const bool required =
      choice.mode == ToolChoice::Mode::kRequired || choice.mode == ToolChoice::Mode::kNamed;
  const bool strict = choice.strict && choice.mode == ToolChoice::Mode::kAuto;
  const bool has_tools = task.chat && task.chat->HasTools();
  engine::ConstraintSpec spec{.grammar = task.format,
                              .in_thinking = prompt.in_thinking,
                              .thinking_budget = task.thinking_budget};
  if (required || (strict && has_tools)) {
    if (task.format) {
      return core::InvalidArgument("a format and calls of tools cannot both be asked of an answer");
    }
    if (!task.chat) return core::InvalidArgument("tool_choice: there is no conversation");
    INGOT_ASSIGN(spec.tools, ToolsOf(task));
    spec.tools_required = required;
    spec.single_call = !choice.parallel || choice.mode == ToolChoice::Mode::kNamed;
  }
  const bool thinks = task.chat && task.chat->think.on.value_or(false);
  spec.may_think = thinks && !prompt.in_thinking && (spec.grammar || required);
  auto made = model.constraints().Make(spec);
  if (made.ok()) return made;
  core::Status status = std::move(made).status();
  // A grammar that asks for too much is the request's fault, not a shortage of ours.
  if (status.code() == core::Code::kExhausted) {
    status = core::InvalidArgument(std::string(status.message()));
  }
  return std::move(status).Context(spec.grammar ? task.format_field : "tools");
}

}  // namespace ingot::server
