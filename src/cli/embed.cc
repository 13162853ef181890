// `ingot embed`: vectors for texts.
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
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
  std::string prompt;
  bool prompt_given = false;
  bool normalise = true;
  bool normalise_given = false;
  size_t dimensions = 0;
  std::string dtype;
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

Status EmbedOne(Session& session, const EmbedCommand& command, const engine::Embedder& embedder,
                const std::string& text) {
  engine::EmbedOptions options{.prompt = {}, .dimensions = command.dimensions, .normalise = {}};
  if (command.prompt_given) options.prompt = command.prompt;
  if (command.normalise_given) options.normalise = command.normalise;
  INGOT_ASSIGN(const engine::Embedding embedding, embedder.Embed(text, options));
  if (embedding.truncated) {
    session.Note(StrCat("Warning: the text was cut to ", embedding.tokens,
                        " tokens, which is all that the model reads\n"));
  }
  const std::string numbers = NumberList(embedding.values);
  if (!command.json) {
    session.Print(StrCat(numbers, "\n"));
  } else {
    const core::Json quoted = text;
    session.Print(StrCat(
        "{\"text\":", quoted.dump(-1, ' ', true, core::Json::error_handler_t::replace),
        ",\"tokens\":", embedding.tokens, ",\"truncated\":", embedding.truncated ? "true" : "false",
        ",\"embedding\":", numbers, "}\n"));
  }
  session.Flush();
  return Status::Ok();
}

Status Embed(Session& session, const EmbedCommand& command) {
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(command.dtype));
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, command.model));
  INGOT_ASSIGN(const std::unique_ptr<engine::Embedder> embedder,
               engine::Embedder::Load(source->files(), type));
  const bool from_input =
      command.texts.empty() || (command.texts.size() == 1 && command.texts.front() == "-");
  if (!from_input) {
    for (const std::string& text : command.texts) {
      INGOT_TRY(EmbedOne(session, command, *embedder, text));
    }
    return Status::Ok();
  }
  std::string line;
  while (true) {
    INGOT_ASSIGN(const bool more, ReadLine(line));
    if (!more) return Status::Ok();
    INGOT_TRY(EmbedOne(session, command, *embedder, line));
  }
}

}  // namespace

void AddEmbedCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "embed", "Turn texts into vectors, one line of numbers each", kRunGroup,
                 "  ingot embed my-encoder 'a sentence' 'another one'\n"
                 "  ingot embed my-encoder --prompt query - < questions.txt\n"
                 "  ingot embed ./checkpoint --dimensions 256 --json 'a sentence'");
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
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_flag("--json", options->json, "An object a text: its vector, tokens, whether cut");
  command.callback([&session, options, prompt, normalise] {
    options->prompt_given = prompt->count() > 0;
    options->normalise_given = normalise->count() > 0;
    session.action = [options](Session& s) { return s.Finish(Embed(s, *options)); };
  });
}

}  // namespace ingot::cli
