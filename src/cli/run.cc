// `ingot run`: asks a model something and shows the answer as it comes; without a question, at a
// terminal, a conversation.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/answer.h"
#include "cli/chat.h"
#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/remote_run.h"
#include "cli/server_access.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "engine/generator.h"
#include "engine/loaded_model.h"
#include "engine/request_options.h"
#include "store/manifest.h"
#include "store/name.h"

namespace ingot::cli {
namespace {

struct RunOptions {
  std::string model;
  std::string prompt;
  std::string tokens;
  std::string system;
  std::string dtype;
  std::string kv_cache;
  std::string think;  // empty: as the model does by itself
  // In the order given; they come after what the model itself asks for.
  std::vector<std::pair<std::string, std::string>> settings;
  int logprobs = -1;
  bool raw = false;
  bool ignore_end = false;
  bool json = false;
  bool verbose = false;
};

// Options whose flag says more than the table's name does, or has a shorter form.
struct FlagName {
  std::string_view option;
  const char* flags;
};
constexpr FlagName kFlagNames[] = {
    {"num_predict", "--max-tokens,--num-predict"},
    {"num_ctx", "--ctx,--num-ctx"},
    {"dry_sequence_breakers", "--dry-sequence-breaker"},
};

std::string FlagsOf(std::string_view option) {
  for (const FlagName& name : kFlagNames) {
    if (name.option == option) return name.flags;
  }
  std::string flag = "--" + std::string(option);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

core::Result<std::string> ReadStandardInput() {
  constexpr size_t kLargest = size_t{64} << 20;
  std::string text;
  char buffer[65536];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, stdin)) {
    text.append(buffer, got);
    if (text.size() > kLargest) return core::Exhausted("the prompt is over 64 MiB");
  }
  return text;
}

// What the model's own PARAMETERs say. Those that this version knows nothing of were meant for
// another program: they are passed over, with a word in the log.
core::Status ApplyParameters(const engine::ModelFiles& files, engine::RequestOptions& options) {
  INGOT_ASSIGN(const std::optional<std::string> text, files.ReadLayer(store::kParamsMediaType));
  if (!text) return core::Status::Ok();
  const core::Result<core::Json> parameters = core::ParseJson(*text);
  if (!parameters.ok() || !parameters->is_object()) {
    return core::Corrupt(core::StrCat(files.label(), ": its parameters are not a JSON object"));
  }
  for (const auto& [name, value] : parameters->items()) {
    const core::Status status = engine::SetOption(options, name, value);
    if (status.ok()) continue;
    core::LogWarning(core::StrCat(files.label(), ": PARAMETER ", status.message()));
  }
  return core::Status::Ok();
}

core::Status ApplyMessages(const engine::ModelFiles& files, core::Json& messages) {
  INGOT_ASSIGN(const std::optional<std::string> text, files.ReadLayer(store::kMessagesMediaType));
  if (!text) return core::Status::Ok();
  const core::Result<core::Json> read = core::ParseJson(*text);
  const auto is_message = [](const core::Json& message) {
    return message.is_object() && message.contains("role") && message["role"].is_string() &&
           message.contains("content") && message["content"].is_string();
  };
  if (!read.ok() || !read->is_array() || !std::all_of(read->begin(), read->end(), is_message)) {
    return core::Corrupt(core::StrCat(files.label(), ": its messages are not a list of messages"));
  }
  for (const core::Json& message : *read) messages.push_back(message);
  return core::Status::Ok();
}

core::Result<ChatSetup> MakeSetup(const RunOptions& options, const engine::ModelFiles& files,
                                  const engine::LoadedModel& model) {
  ChatSetup setup;
  INGOT_TRY(ApplyParameters(files, setup.options));
  // A list on the command line replaces the model's.
  bool fresh_stop = true;
  bool fresh_breakers = true;
  for (const auto& [name, text] : options.settings) {
    if (name == "stop" && std::exchange(fresh_stop, false)) setup.options.stop.clear();
    if (name == "dry_sequence_breakers" && std::exchange(fresh_breakers, false)) {
      setup.options.dry_sequence_breakers.clear();
    }
    INGOT_TRY(engine::SetOptionText(setup.options, name, text));
  }
  INGOT_TRY(engine::Validate(setup.options.sampling, model.language().shape().vocabulary));
  if (setup.options.num_predict < -1 || setup.options.num_ctx < 0) {
    return core::InvalidArgument("num_predict: expected -1 or more, num_ctx: 0 or more");
  }
  setup.system = options.system.empty() ? model.chat().system() : options.system;
  INGOT_TRY(ApplyMessages(files, setup.messages));
  INGOT_ASSIGN(setup.think, text::ParseThink(options.think));
  setup.logprobs = options.logprobs;
  setup.ignore_end = options.ignore_end;
  setup.verbose = options.verbose;
  return setup;
}

core::Status NoPrompt(const RunOptions& options) {
  return core::InvalidArgument("expected a prompt")
      .WithHint("For example: ingot run " + options.model + " \"What is 2+2?\"");
}

// What was asked, from the command line or from standard input.
core::Result<std::string> PromptText(const RunOptions& options) {
  std::string text = options.prompt;
  if (text == "-" || (text.empty() && isatty(STDIN_FILENO) == 0)) {
    INGOT_ASSIGN(text, ReadStandardInput());
  }
  if (text.empty()) return NoPrompt(options);
  return text;
}

// Options of the command line as requests have them.
core::Result<core::Json> SettingsJson(const RunOptions& options) {
  engine::RequestOptions read;
  read.stop.clear();
  read.dry_sequence_breakers.clear();
  for (const auto& [name, text] : options.settings) {
    INGOT_TRY(engine::SetOptionText(read, name, text));
  }
  core::Json json = core::Json::object();
  for (const engine::OptionInfo& info : engine::RequestOptionTable()) {
    const bool given = std::any_of(options.settings.begin(), options.settings.end(),
                                   [&](const auto& one) { return one.first == info.name; });
    if (given) json[std::string(info.name)] = engine::OptionValue(read, info);
  }
  return json;
}

// A server has the store that the environment names, and computes as it was started to: it cannot
// do what goes beyond that.
bool MayAskServer(Session& session, const RunOptions& options) {
  return !options.json && !options.ignore_end && options.tokens.empty() && options.dtype.empty() &&
         options.kv_cache.empty() && session.options().models.empty() &&
         store::ModelName::Parse(options.model).ok();
}

// A running server is asked where it can do what is wanted.
core::Result<bool> AskRunningServer(Session& session, RunOptions& options) {
  if (!MayAskServer(session, options) || !RunningServer()) return false;
  RemoteQuestion question;
  question.model = options.model;
  question.system = options.system;
  INGOT_ASSIGN(question.think, text::ParseThink(options.think));
  question.raw = options.raw;
  question.verbose = options.verbose;
  INGOT_ASSIGN(question.options, SettingsJson(options));
  INGOT_ASSIGN(question.prompt, PromptText(options));
  // Standard input was read: it is not there a second time.
  options.prompt = question.prompt;
  return AskServer(session, question);
}

core::Result<engine::ChatPrompt> MakePrompt(const engine::LoadedModel& model,
                                            const RunOptions& options, const ChatSetup& setup) {
  engine::ChatPrompt prompt;
  if (!options.tokens.empty()) {
    INGOT_ASSIGN(prompt.tokens, ParseTokens(options.tokens));
    return prompt;
  }
  INGOT_ASSIGN(const std::string text, PromptText(options));
  if (options.raw) {
    INGOT_ASSIGN(prompt.tokens, model.EncodeRaw(text));
    return prompt;
  }
  ChatSetup asked = setup;
  asked.messages.push_back({{"role", "user"}, {"content", text}});
  return PreparePrompt(model, asked);
}

core::Status AskOnce(Session& session, const RunOptions& options, const engine::LoadedModel& model,
                     const ChatSetup& setup, double load_seconds) {
  INGOT_ASSIGN(engine::ChatPrompt prompt, MakePrompt(model, options, setup));
  Answer answer(session, model.tokenizer(), std::move(prompt.parser), setup.options.stop,
                options.json);
  INGOT_ASSIGN(
      const engine::GenerationResult result,
      MakeGenerator(model, setup)
          .Run(
              prompt.tokens, [&](const engine::GeneratedToken& token) { return answer.Add(token); },
              [] { return core::Interrupted(); }));
  answer.Finish();
  if (options.json) {
    core::Json timings = {{"load_seconds", load_seconds}};
    timings.update(TimingsJson(result.timings));
    core::Json json = {{"text", answer.text()},
                       {"tokens", answer.tokens()},
                       {"finish_reason", engine::FinishName(result.finish)},
                       {"timings", timings}};
    if (!answer.thinking().empty()) json["thinking"] = answer.thinking();
    if (!answer.calls().empty()) json["tool_calls"] = answer.calls();
    if (options.logprobs >= 0) json["logprobs"] = answer.logprobs();
    session.PrintJson(json);
  } else if (options.verbose) {
    session.Note(core::StrCat("\nload      ", core::HumanDuration(load_seconds), "\n",
                              TimingsText(result.timings)));
  }
  if (result.finish == engine::Finish::kCancelled) return core::Cancelled("interrupted");
  return core::Status::Ok();
}

// Somebody sits there and has not said what to ask.
bool WantsConversation(const Session& session, const RunOptions& options) {
  return options.prompt.empty() && options.tokens.empty() && isatty(STDIN_FILENO) == 1 &&
         session.out_is_terminal();
}

// What the model brings (options, SYSTEM, MESSAGEs) the server adds.
core::Status TalkByServer(Session& session, const RunOptions& options) {
  RemoteModel remote{.name = options.model};
  INGOT_ASSIGN(remote.options, SettingsJson(options));
  ChatSetup setup;
  for (const auto& [name, value] : remote.options.items()) {
    INGOT_TRY(engine::SetOption(setup.options, name, value));
  }
  setup.system = options.system;
  INGOT_ASSIGN(setup.think, text::ParseThink(options.think));
  setup.verbose = options.verbose;
  return Chat(session, std::move(remote), std::move(setup)).Run();
}

core::Status CheckOptions(const Session& session, const RunOptions& options) {
  if (!options.prompt.empty() && !options.tokens.empty()) {
    return core::InvalidArgument("expected a prompt or --tokens, not both");
  }
  if (options.logprobs >= 0 && !options.json) {
    return core::InvalidArgument("--logprobs is for --json");
  }
  if (WantsConversation(session, options) && (options.json || options.raw)) {
    return NoPrompt(options);
  }
  return core::Status::Ok();
}

core::Status RunModel(Session& session, RunOptions options) {
  INGOT_TRY(CheckOptions(session, options));
  if (!WantsConversation(session, options)) {
    INGOT_ASSIGN(const bool answered, AskRunningServer(session, options));
    if (answered) return core::Status::Ok();
  } else if (MayAskServer(session, options) && ServerHas(options.model)) {
    return TalkByServer(session, options);
  }
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(options.dtype));
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> cache, ParseKvCacheOption(options.kv_cache));
  const int64_t start = core::Clock::System().MonotonicNs();
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const std::unique_ptr<engine::LoadedModel> model,
               engine::LoadedModel::Load(source->files(), type, cache));
  const double load_seconds =
      static_cast<double>(core::Clock::System().MonotonicNs() - start) * 1e-9;
  INGOT_ASSIGN(ChatSetup setup, MakeSetup(options, source->files(), *model));
  if (!WantsConversation(session, options)) {
    return AskOnce(session, options, *model, setup, load_seconds);
  }
  return Chat(session, source->files(), *model, std::move(setup)).Run();
}

void AddSettings(CLI::App& command, RunOptions& options) {
  for (const engine::OptionInfo& info : engine::RequestOptionTable()) {
    const engine::RequestOptions defaults;
    const core::Json value = engine::OptionValue(defaults, info);
    std::string help(info.meaning);
    const bool is_list =
        info.kind == engine::OptionKind::kTexts || info.kind == engine::OptionKind::kBias;
    if (is_list) help += " (repeatable)";
    CLI::Option* option = command.add_option_function<std::vector<std::string>>(
        FlagsOf(info.name),
        [&options, name = std::string(info.name)](const std::vector<std::string>& texts) {
          for (const std::string& text : texts) options.settings.emplace_back(name, text);
        },
        help);
    option->expected(1)->allow_extra_args(false)->type_name(value.is_number() ? "N" : "TEXT");
    option->multi_option_policy(is_list ? CLI::MultiOptionPolicy::TakeAll
                                        : CLI::MultiOptionPolicy::TakeLast);
    if (value.is_number()) option->default_str(value.dump());
  }
}

}  // namespace

void AddRunCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "run", "Ask a model and show its answer, or talk with it", kRunGroup,
                 "  ingot run my-model\n"
                 "  ingot run my-model \"What is 2+2?\"\n"
                 "  ingot run ./checkpoint \"Hello\" --temperature 0\n"
                 "  ingot run my-model --kv-cache int8 --ctx 65536\n"
                 "  cat notes.txt | ingot run my-model - --max-tokens 100\n"
                 "  ingot run ./checkpoint --tokens 1,2,3 --json");
  const auto options = std::make_shared<RunOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command
      .add_option("prompt", options->prompt,
                  "What to ask; - reads standard input; without it, a conversation")
      ->type_name("PROMPT");
  command.add_option("--tokens", options->tokens, "Token numbers instead of a prompt")
      ->type_name("N,N,...");
  command.add_flag("--raw", options->raw, "Give the prompt as it stands, without a chat template");
  command.add_option("--system", options->system, "A system message in front")->type_name("TEXT");
  command.add_option("--think", options->think, "Whether to think first, where the model can")
      ->type_name("true|false|low|medium|high");
  command.add_flag("--ignore-eos", options->ignore_end, "Go on past the end of the answer");
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_option("--kv-cache", options->kv_cache, kKvCacheHelp)->type_name("TYPE");
  AddSettings(command, *options);
  command
      .add_option("--logprobs", options->logprobs,
                  "With --json: each token's log probability and that of the N likeliest")
      ->check(CLI::Range(0, 20))
      ->type_name("N");
  command.add_flag("--json", options->json, "Print one JSON object: text, tokens, timings");
  command.add_flag("--timings,--verbose", options->verbose, "Show tokens per second at the end");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(RunModel(s, *options)); };
  });
}

}  // namespace ingot::cli
