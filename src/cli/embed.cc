// `ingot embed`: vectors for texts.
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/npy_file.h"
#include "core/strings.h"
#include "engine/embedder.h"

namespace ingot::cli {
namespace {

using core::Status;
using core::StrCat;

constexpr size_t kMaxLine = size_t{16} << 20;

struct EmbedCommand {
  std::string model;
  std::vector<std::string> texts;
  std::string tokens;
  std::string prompt;
  bool prompt_given = false;
  bool normalise = true;
  bool normalise_given = false;
  size_t dimensions = 0;
  std::string dtype;
  bool hidden = false;
  std::string output;
  bool json = false;
};

// One text a line, as it comes; false at the end.
core::Result<bool> ReadLine(std::string& line) {
  line.clear();
  int c = 0;
  while ((c = std::getc(stdin)) != EOF) {
    if (c == '\n') return true;
    line.push_back(static_cast<char>(c));
    if (line.size() > kMaxLine) {
      return core::Exhausted(
          StrCat("a line of standard input is over ", core::HumanBytes(kMaxLine)));
    }
  }
  if (std::ferror(stdin) != 0) return core::IoError("standard input cannot be read");
  return !line.empty();
}

// "[0.1,-0.2]": each number as short as a float allows, which a JSON library's doubles are not.
std::string NumberList(const std::vector<float>& values) {
  std::string list = "[";
  std::array<char, 32> digits = {};
  for (const float value : values) {
    if (list.size() > 1) list.push_back(',');
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    list.append(digits.data(), end.ptr);
  }
  return list + "]";
}

engine::EmbedOptions OptionsOf(const EmbedCommand& command) {
  engine::EmbedOptions options{.prompt = {}, .dimensions = command.dimensions, .normalise = {}};
  if (command.prompt_given) options.prompt = command.prompt;
  if (command.normalise_given) options.normalise = command.normalise;
  return options;
}

void WarnOfCut(Session& session, size_t tokens) {
  session.Note(StrCat("Warning: the text was cut to ", tokens,
                      " tokens, which is all that the model reads\n"));
}

// Prints vectors as they come, or all of them in one object at the end.
class Output {
 public:
  Output(Session& session, bool json) : session_(session), json_(json) {}

  void Add(const engine::Embedding& embedding) {
    if (embedding.truncated) WarnOfCut(session_, embedding.tokens);
    prompt_tokens_ += embedding.tokens;
    const std::string numbers = NumberList(embedding.values);
    if (!json_) {
      session_.Print(numbers + "\n");
      session_.Flush();
      return;
    }
    if (!lists_.empty()) lists_ += ",";
    lists_ += numbers;
  }
  void Finish() {
    if (!json_) return;
    session_.Print(
        StrCat("{\"embeddings\":[", lists_, "],\"prompt_tokens\":", prompt_tokens_, "}\n"));
  }

 private:
  Session& session_;
  bool json_;
  std::string lists_;
  size_t prompt_tokens_ = 0;
};

// The one text of a command that takes one, or its tokens as they stand.
core::Result<std::vector<int>> TokensOf(Session& session, const EmbedCommand& command,
                                        const engine::Embedder& embedder) {
  if (!command.tokens.empty()) return ParseTokens(command.tokens);
  if (command.texts.size() != 1) {
    return core::InvalidArgument("--hidden is for one text, or for --tokens");
  }
  INGOT_ASSIGN(engine::Embedder::Encoded encoded,
               embedder.Encode(command.texts.front(), OptionsOf(command)));
  if (encoded.truncated) WarnOfCut(session, encoded.tokens.size());
  return std::move(encoded.tokens);
}

Status WriteHidden(Session& session, const EmbedCommand& command,
                   const engine::Embedder& embedder) {
  INGOT_ASSIGN(const std::vector<int> tokens, TokensOf(session, command, embedder));
  INGOT_ASSIGN(const std::vector<float> rows, embedder.HiddenRows(tokens));
  std::string content = NpyHeader(tokens.size(), embedder.row_width());
  AppendNumbers(rows, content);
  return core::WriteFileAtomic(session.env(), command.output, content);
}

Status EmbedAll(Session& session, const EmbedCommand& command, const engine::Embedder& embedder) {
  const engine::EmbedOptions options = OptionsOf(command);
  Output output(session, command.json);
  const auto add = [&](const std::string& text) -> Status {
    INGOT_ASSIGN(const engine::Embedding embedding, embedder.Embed(text, options));
    output.Add(embedding);
    return Status::Ok();
  };
  if (!command.tokens.empty()) {
    INGOT_ASSIGN(const std::vector<int> tokens, ParseTokens(command.tokens));
    INGOT_ASSIGN(const engine::Embedding embedding, embedder.EmbedTokens(tokens, options));
    output.Add(embedding);
  } else if (command.texts.empty() || (command.texts.size() == 1 && command.texts.front() == "-")) {
    std::string line;
    while (true) {
      INGOT_ASSIGN(const bool more, ReadLine(line));
      if (!more) break;
      INGOT_TRY(add(line));
    }
  } else {
    for (const std::string& text : command.texts) INGOT_TRY(add(text));
  }
  output.Finish();
  return Status::Ok();
}

Status Embed(Session& session, const EmbedCommand& command) {
  if (!command.tokens.empty() && !command.texts.empty()) {
    return core::InvalidArgument("either texts or --tokens, not both");
  }
  if (command.hidden != !command.output.empty()) {
    return core::InvalidArgument("--hidden and -o go together");
  }
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(command.dtype));
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, command.model));
  INGOT_ASSIGN(const std::unique_ptr<engine::Embedder> embedder,
               engine::Embedder::Load(source->files(), type));
  return command.hidden ? WriteHidden(session, command, *embedder)
                        : EmbedAll(session, command, *embedder);
}

}  // namespace

void AddEmbedCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "embed", "Turn texts into vectors, one line of numbers each", kRunGroup,
                 "  ingot embed my-encoder 'a sentence' 'another one'\n"
                 "  ingot embed my-encoder --prompt query - < questions.txt\n"
                 "  ingot embed ./checkpoint --dimensions 256 --json 'a sentence'\n"
                 "  ingot embed ./checkpoint --tokens 1,2,3 --hidden -o rows.npy");
  const auto options = std::make_shared<EmbedCommand>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("text", options->texts, "Texts; without any, or for -, the lines of input")
      ->type_name("TEXT");
  CLI::Option* prompt = command.add_option(
      "--prompt", options->prompt, "A prompt that the model declares, by name; '' for none");
  CLI::Option* normalise =
      command.add_flag("--normalize,!--no-normalize", options->normalise,
                       "Bring vectors to a length of one, whatever the model declares");
  command.add_option("--dimensions", options->dimensions, "Keep only the first N numbers")
      ->check(CLI::Range(size_t{1}, size_t{1} << 20))
      ->type_name("N");
  command.add_option("--tokens", options->tokens, "Token numbers instead of a text, as they stand")
      ->type_name("N,N,...");
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_flag("--hidden", options->hidden,
                   "Write the rows of all tokens, before pooling, to the file of -o");
  command.add_option("-o,--output", options->output, "A NumPy file: float32, [tokens, width]")
      ->type_name("FILE");
  command.add_flag("--json", options->json, "One object: the vectors, and the number of tokens");
  command.callback([&session, options, prompt, normalise] {
    options->prompt_given = prompt->count() > 0;
    options->normalise_given = normalise->count() > 0;
    session.action = [options](Session& s) { return s.Finish(Embed(s, *options)); };
  });
}

}  // namespace ingot::cli
