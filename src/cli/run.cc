// `ingot run`: asks a model something and shows the answer as it comes.
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "engine/generator.h"
#include "engine/loaded_model.h"
#include "engine/stop_strings.h"

namespace ingot::cli {
namespace {

struct RunOptions {
  std::string model;
  std::string prompt;
  std::string tokens;
  std::string system;
  std::string dtype;
  std::vector<std::string> stops;
  std::string think;  // "", "true" or "false"
  engine::SamplingOptions sampling;
  uint64_t seed = 0;
  CLI::Option* seed_option = nullptr;  // owned by the parser
  int max_tokens = -1;
  int context = 0;
  bool raw = false;
  bool ignore_end = false;
  bool json = false;
  bool verbose = false;
};

// Shows the answer: as it comes to a terminal or a pipe, or collected for JSON. Control characters
// that a model may have been taught to write do not reach a terminal.
class Answer {
 public:
  Answer(Session& session, const RunOptions& options, const text::Tokenizer* tokenizer)
      : session_(session), options_(options), stops_(options.stops) {
    if (tokenizer != nullptr) stream_.emplace(tokenizer->Stream());
  }

  bool Add(int token) {
    tokens_.push_back(token);
    if (!stream_) {
      if (!options_.json) session_.Print(core::StrCat(tokens_.size() > 1 ? "," : "", token));
      return true;
    }
    Show(stops_.Push(stream_->Push(static_cast<text::TokenId>(token))));
    return !stops_.stopped();
  }

  void Finish() {
    if (stream_ && !stops_.stopped()) Show(stops_.Push(stream_->Finish()) + stops_.Finish());
    if (!options_.json) session_.Print("\n");
  }

  const std::string& text() const { return text_; }
  const std::vector<int>& tokens() const { return tokens_; }

 private:
  void Show(const std::string& piece) {
    text_ += piece;
    if (options_.json || piece.empty()) return;
    session_.Print(session_.out_is_terminal() ? Disarmed(piece) : piece);
    session_.Flush();
  }

  static std::string Disarmed(const std::string& text) {
    std::string out;
    for (const std::string_view line : core::Split(text, '\n')) {
      if (line.data() != text.data()) out.push_back('\n');
      for (size_t i = 0; const std::string_view part : core::Split(line, '\t')) {
        if (i++ > 0) out.push_back('\t');
        out += core::Printable(part, text.size() * 4 + 16);
      }
    }
    return out;
  }

  Session& session_;
  const RunOptions& options_;
  engine::StopStrings stops_;
  std::optional<text::TokenStream> stream_;
  std::string text_;
  std::vector<int> tokens_;
};

core::Result<std::string> PromptText(const RunOptions& options) {
  if (options.prompt != "-") return options.prompt;
  constexpr size_t kLargest = size_t{64} << 20;
  std::string text;
  char buffer[65536];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, stdin)) {
    text.append(buffer, got);
    if (text.size() > kLargest) return core::Exhausted("the prompt is over 64 MiB");
  }
  return text;
}

core::Result<std::vector<int>> PromptTokens(const engine::LoadedModel& model,
                                            const RunOptions& options) {
  if (!options.tokens.empty()) return ParseTokens(options.tokens);
  INGOT_ASSIGN(const std::string text, PromptText(options));
  if (options.raw) return model.EncodeRaw(text);
  core::Json messages = core::Json::array();
  if (!options.system.empty()) {
    messages.push_back({{"role", "system"}, {"content", options.system}});
  }
  messages.push_back({{"role", "user"}, {"content", text}});
  engine::ChatOptions chat;
  if (!options.think.empty()) chat.thinking = options.think == "true";
  return model.EncodeChat(messages, chat);
}

double PerSecond(int count, double seconds) { return seconds > 0 ? count / seconds : 0; }

core::Json TimingsJson(const engine::GenerationResult& result, double load_seconds) {
  const engine::GenerationTimings& t = result.timings;
  return {{"load_seconds", load_seconds},
          {"prompt_tokens", t.prompt_tokens},
          {"generated_tokens", t.generated_tokens},
          {"prefill_seconds", t.prefill_seconds},
          {"first_token_seconds", t.first_token_seconds},
          {"decode_seconds", t.decode_seconds},
          {"prefill_tokens_per_second", PerSecond(t.prompt_tokens, t.prefill_seconds)},
          {"decode_tokens_per_second", PerSecond(t.generated_tokens - 1, t.decode_seconds)}};
}

std::string OneDecimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

void PrintTimings(Session& session, const engine::GenerationResult& result, double load_seconds) {
  const engine::GenerationTimings& t = result.timings;
  session.Note(core::StrCat(
      "\nload      ", core::HumanDuration(load_seconds), "\nprompt    ", t.prompt_tokens,
      " tokens, ", OneDecimal(PerSecond(t.prompt_tokens, t.prefill_seconds)),
      " tokens/s\nanswer    ", t.generated_tokens, " tokens, ",
      OneDecimal(PerSecond(t.generated_tokens - 1, t.decode_seconds)), " tokens/s, first after ",
      core::HumanDuration(t.first_token_seconds), "\n"));
}

core::Status RunModel(Session& session, const RunOptions& options) {
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(options.dtype));
  const int64_t start = core::Clock::System().MonotonicNs();
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const std::unique_ptr<engine::LoadedModel> model,
               engine::LoadedModel::Load(source->files(), type));
  const double load_seconds =
      static_cast<double>(core::Clock::System().MonotonicNs() - start) * 1e-9;
  INGOT_ASSIGN(const std::vector<int> prompt, PromptTokens(*model, options));

  engine::SamplingOptions sampling = options.sampling;
  if (options.seed_option->count() > 0) sampling.seed = options.seed;
  engine::GenerationLimits limits;
  limits.max_tokens = options.max_tokens;
  limits.context = options.context;
  limits.end = model->end_tokens();
  limits.ignore_end = options.ignore_end;
  engine::Generator generator(model->language(), sampling, limits);

  Answer answer(session, options, model->tokenizer());
  INGOT_ASSIGN(
      const engine::GenerationResult result,
      generator.Run(
          prompt, [&](const engine::GeneratedToken& token) { return answer.Add(token.token); },
          [] { return core::Interrupted(); }));
  answer.Finish();
  if (options.json) {
    session.PrintJson({{"text", answer.text()},
                       {"tokens", answer.tokens()},
                       {"finish_reason", engine::FinishName(result.finish)},
                       {"timings", TimingsJson(result, load_seconds)}});
  } else if (options.verbose) {
    PrintTimings(session, result, load_seconds);
  }
  if (result.finish == engine::Finish::kCancelled) return core::Cancelled("interrupted");
  return core::Status::Ok();
}

core::Status CheckPrompt(const RunOptions& options) {
  if (options.prompt.empty() == options.tokens.empty()) {
    return core::InvalidArgument("expected a prompt, or --tokens, and not both")
        .WithHint("For example: ingot run " + options.model + " \"What is 2+2?\"");
  }
  return core::Status::Ok();
}

void AddSampling(CLI::App& command, RunOptions& options) {
  engine::SamplingOptions& s = options.sampling;
  command.add_option("--temperature", s.temperature, "0: always the likeliest token")
      ->capture_default_str();
  command.add_option("--top-k", s.top_k, "Draw from the k likeliest (0: all)")
      ->capture_default_str();
  command.add_option("--top-p", s.top_p, "Draw from the likeliest that make up p (1: all)")
      ->capture_default_str();
  command.add_option("--min-p", s.min_p, "Drop what is less likely than p of the likeliest")
      ->capture_default_str();
  command.add_option("--typical-p", s.typical_p, "Locally typical sampling (1: off)")
      ->capture_default_str();
  command
      .add_option("--repeat-penalty", s.repeat_penalty, "Divides logits of recent tokens (1: off)")
      ->capture_default_str();
  command.add_option("--repeat-last-n", s.repeat_last_n, "Tokens that penalties look back at")
      ->capture_default_str();
  command.add_option("--presence-penalty", s.presence_penalty, "Taken from recent tokens' logits")
      ->capture_default_str();
  command.add_option("--frequency-penalty", s.frequency_penalty, "The same, for every occurrence")
      ->capture_default_str();
  options.seed_option =
      command.add_option("--seed", options.seed, "Draw the same again (default: a new one)");
}

}  // namespace

void AddRunCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "run", "Ask a model and show its answer", kRunGroup,
                                 "  ingot run my-model \"What is 2+2?\"\n"
                                 "  ingot run ./checkpoint \"Hello\" --temperature 0\n"
                                 "  cat notes.txt | ingot run my-model - --max-tokens 100\n"
                                 "  ingot run ./checkpoint --tokens 1,2,3 --json");
  const auto options = std::make_shared<RunOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("prompt", options->prompt, "What to ask; - reads standard input")
      ->type_name("PROMPT");
  command.add_option("--tokens", options->tokens, "Token numbers instead of a prompt")
      ->type_name("N,N,...");
  command.add_flag("--raw", options->raw, "Give the prompt as it stands, without a chat template");
  command.add_option("--system", options->system, "A system message in front")->type_name("TEXT");
  command.add_option("--think", options->think, "Whether to think first, where the model can")
      ->check(CLI::IsMember({"true", "false"}));
  command.add_option("--max-tokens", options->max_tokens, "End after that many (-1: no limit)")
      ->check(CLI::Range(-1, 1 << 24))
      ->capture_default_str();
  command
      .add_option("--ctx", options->context, "Positions to use at most (0: all it was made for)")
      ->check(CLI::Range(0, 1 << 24));
  command.add_option("--stop", options->stops, "End before this text (repeatable)")
      ->type_name("TEXT");
  command.add_flag("--ignore-eos", options->ignore_end, "Go on past the end of the answer");
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  AddSampling(command, *options);
  command.add_flag("--json", options->json, "Print one JSON object: text, tokens, timings");
  command.add_flag("--timings", options->verbose, "Show tokens per second at the end");
  command.callback([&session, options] {
    session.action = [options](Session& s) {
      if (const core::Status status = CheckPrompt(*options); !status.ok()) return s.Finish(status);
      return s.Finish(RunModel(s, *options));
    };
  });
}

}  // namespace ingot::cli
