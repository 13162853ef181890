// What a line that begins with a slash does.
#include <functional>
#include <utility>
#include <vector>

#include "cli/chat.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"
#include "model/config_reader.h"
#include "store/manifest.h"

namespace ingot::cli {
namespace {

using core::Status;
using core::StrCat;

// The first word of a text, and what follows it.
std::pair<std::string_view, std::string_view> SplitWord(std::string_view text) {
  text = core::Trim(text);
  const size_t end = text.find_first_of(" \t\n");
  if (end == std::string_view::npos) return {text, {}};
  return {text.substr(0, end), core::Trim(text.substr(end))};
}

}  // namespace

struct Chat::Command {
  std::string_view name;
  std::string_view usage;  // what follows the name
  std::string_view meaning;
  std::function<Status(Chat&, std::string_view)> run;
};

const std::vector<Chat::Command>& Chat::Commands() {
  static const std::vector<Command> commands = {
      {"/set", "…", "change how answers are made: /set lists what there is",
       [](Chat& chat, std::string_view rest) { return chat.Choose(Settings(), "/set", rest); }},
      {"/show", "…", "tell about the model and this conversation: /show lists what",
       [](Chat& chat, std::string_view rest) { return chat.Choose(Views(), "/show", rest); }},
      {"/clear", "", "forget the conversation",
       [](Chat& chat, std::string_view) {
         chat.setup_.messages = core::Json::array();
         chat.session_.Print("The conversation is forgotten.\n");
         return Status::Ok();
       }},
      {"/bye", "", "leave, as Ctrl-D does",
       [](Chat& chat, std::string_view) {
         chat.left_ = true;
         return Status::Ok();
       }},
      {"/help", "", "this list, also /?",
       [](Chat& chat, std::string_view) {
         chat.session_.Print(chat.HelpText());
         return Status::Ok();
       }},
  };
  return commands;
}

const std::vector<Chat::Command>& Chat::Settings() {
  static const std::vector<Command> settings = {
      {"parameter", "NAME VALUE", "an option of sampling: /show parameters lists them",
       [](Chat& chat, std::string_view rest) { return chat.SetParameter(rest); }},
      {"system", "TEXT", "the system message; nothing takes it away",
       [](Chat& chat, std::string_view rest) {
         chat.setup_.system = rest;
         chat.session_.Print(rest.empty() ? "No system message.\n" : "Set the system message.\n");
         return Status::Ok();
       }},
      {"think", "[true|false|low|medium|high]", "think before answering, where the model can",
       [](Chat& chat, std::string_view rest) { return chat.SetThinking(rest); }},
      {"nothink", "", "answer at once",
       [](Chat& chat, std::string_view) { return chat.SetThinking("false"); }},
      {"verbose", "", "show tokens per second after each answer",
       [](Chat& chat, std::string_view) {
         chat.setup_.verbose = true;
         return Status::Ok();
       }},
      {"quiet", "", "do not",
       [](Chat& chat, std::string_view) {
         chat.setup_.verbose = false;
         return Status::Ok();
       }},
      {"history", "", "keep what is typed for later sessions",
       [](Chat& chat, std::string_view) {
         chat.save_history_ = true;
         return Status::Ok();
       }},
      {"nohistory", "", "do not",
       [](Chat& chat, std::string_view) {
         chat.save_history_ = false;
         return Status::Ok();
       }},
  };
  return settings;
}

const std::vector<Chat::Command>& Chat::Views() {
  static const std::vector<Command> views = {
      {"info", "", "the model", [](Chat& chat, std::string_view) { return chat.ShowInfo(); }},
      {"parameters", "", "every option of sampling, as it is now",
       [](Chat& chat, std::string_view) {
         Table table;
         for (const engine::OptionInfo& info : engine::RequestOptionTable()) {
           const core::Json value = engine::OptionValue(chat.setup_.options, info);
           table.AddRow({std::string(info.name), value.dump(), std::string(info.meaning)});
         }
         chat.session_.Print(table.Render());
         return Status::Ok();
       }},
      {"system", "", "the system message",
       [](Chat& chat, std::string_view) {
         chat.session_.Print(chat.setup_.system.empty()
                                 ? "No system message.\n"
                                 : TextFor(chat.session_, chat.setup_.system));
         return Status::Ok();
       }},
      {"messages", "", "the conversation so far",
       [](Chat& chat, std::string_view) {
         for (const core::Json& message : chat.Conversation()) {
           chat.session_.Print(StrCat(message["role"].get<std::string>(), ":\n"));
           chat.session_.Print(TextFor(chat.session_, message["content"].get<std::string>()));
         }
         return Status::Ok();
       }},
      {"template", "", "the chat template",
       [](Chat& chat, std::string_view) { return chat.ShowTemplate(); }},
      {"license", "", "the model's licence",
       [](Chat& chat, std::string_view) {
         return chat.ShowLayer(store::kLicenseMediaType, "licence");
       }},
  };
  return views;
}

Status Chat::Obey(std::string_view line) {
  return Choose(Commands(), "", line == "/?" ? "/help" : line);
}

Status Chat::Choose(const std::vector<Command>& commands, std::string_view parent,
                    std::string_view line) {
  const auto [word, rest] = SplitWord(line);
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.name == word) return command.run(*this, rest);
    names.emplace_back(command.name);
  }
  if (word.empty()) {
    Table table;
    for (const Command& command : commands) {
      table.AddRow(
          {StrCat(parent, " ", command.name, command.usage.empty() ? "" : " ", command.usage),
           std::string(command.meaning)});
    }
    session_.Print(table.Render());
    return Status::Ok();
  }
  Status unknown = core::InvalidArgument(
      StrCat("there is no ", parent.empty() ? "command" : parent, " ", core::Quoted(word, 60)));
  if (const auto close = core::ClosestMatch(word, names)) {
    return std::move(unknown).WithHint(StrCat("Did you mean ", *close, "?"));
  }
  return std::move(unknown).WithHint(StrCat("There are ", core::Join(names, ", "), "."));
}

std::string Chat::HelpText() const {
  Table table;
  for (const Command& command : Commands()) {
    table.AddRow({StrCat(command.name, command.usage.empty() ? "" : " ", command.usage),
                  std::string(command.meaning)});
  }
  return table.Render() +
         "\nA text of several lines begins and ends with \"\"\". Ctrl-C stops an answer, Ctrl-D "
         "leaves.\nUp and down bring back what was typed before.\n";
}

Status Chat::SetParameter(std::string_view text) {
  const auto [name, value] = SplitWord(text);
  if (name.empty() || value.empty()) {
    return core::InvalidArgument("expected a name and a value")
        .WithHint("For example: /set parameter temperature 0.2");
  }
  engine::RequestOptions changed = setup_.options;
  INGOT_TRY(engine::SetOptionText(changed, name, value));
  if (model_ != nullptr) {
    INGOT_TRY(engine::Validate(changed.sampling, model_->language().shape().vocabulary));
  }
  setup_.options = std::move(changed);
  if (remote_) {
    for (const engine::OptionInfo& info : engine::RequestOptionTable()) {
      if (info.name == name) {
        remote_->options[std::string(name)] = engine::OptionValue(setup_.options, info);
      }
    }
  }
  session_.Print(StrCat("Set ", name, " to ", core::Printable(value), ".\n"));
  return Status::Ok();
}

Status Chat::SetThinking(std::string_view text) {
  INGOT_ASSIGN(setup_.think, text::ParseThink(text.empty() ? "true" : text));
  session_.Print(setup_.think.on.value_or(true) ? "It thinks first.\n" : "It answers at once.\n");
  return Status::Ok();
}

core::Result<const engine::ModelFiles*> Chat::Files() const {
  if (files_ != nullptr) return files_;
  return core::NotFound(StrCat("a server has ", core::Quoted(remote_->name, 200)))
      .WithHint("`ingot show` tells about models.");
}

Status Chat::ShowInfo() {
  INGOT_ASSIGN(const engine::ModelFiles* files, Files());
  const model::ModelShape& shape = model_->language().shape();
  INGOT_ASSIGN(const std::string text, files->Require("config.json"));
  INGOT_ASSIGN(const core::Json config, core::ParseJson(text));
  Table table;
  table.AddRow({"model", files->label()});
  table.AddRow({"architecture", core::Printable(model::ArchitectureOf(config))});
  table.AddRow({"context", StrCat(shape.context, " tokens")});
  table.AddRow({"layers", StrCat(shape.layers)});
  table.AddRow({"hidden size", StrCat(shape.hidden)});
  table.AddRow({"vocabulary", StrCat(shape.vocabulary, " tokens")});
  session_.Print(table.Render());
  return Status::Ok();
}

Status Chat::ShowLayer(std::string_view media_type, std::string_view what) {
  INGOT_ASSIGN(const engine::ModelFiles* files, Files());
  INGOT_ASSIGN(const std::optional<std::string> text, files->ReadLayer(media_type));
  if (!text) return core::NotFound(StrCat("the model comes without a ", what));
  session_.Print(TextFor(session_, *text));
  return Status::Ok();
}

Status Chat::ShowTemplate() {
  INGOT_ASSIGN(const engine::ModelFiles* files, Files());
  INGOT_ASSIGN(std::optional<std::string> text, files->ReadLayer(store::kTemplateMediaType));
  if (!text) {
    INGOT_ASSIGN(text, files->Read("chat_template.jinja"));
  }
  if (!text) {
    INGOT_ASSIGN(const std::optional<std::string> config, files->Read("tokenizer_config.json"));
    const core::Result<core::Json> json = core::ParseJson(config.value_or("{}"));
    if (json.ok() && json->is_object() && json->contains("chat_template") &&
        (*json)["chat_template"].is_string()) {
      text = (*json)["chat_template"].get<std::string>();
    }
  }
  if (!text) return core::NotFound("the model comes without a chat template");
  session_.Print(TextFor(session_, *text));
  return Status::Ok();
}

}  // namespace ingot::cli
