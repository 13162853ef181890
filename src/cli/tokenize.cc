// `ingot tokenize`: text to tokens and back, by the tokenizer of a model.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/strings.h"
#include "engine/model_tokenizer.h"

namespace ingot::cli {
namespace {

using core::Result;
using core::Status;
using core::StrCat;
using text::TokenId;

constexpr size_t kMaxInput = size_t{1} << 30;

struct TokenizeOptions {
  std::string model;
  std::string text = "-";
  bool ids = false;
  bool decode = false;
  bool user = false;
  bool bare = false;
  bool skip_special = false;
  bool json = false;
};

Result<std::string> ReadInput() {
  std::string text;
  std::vector<char> buffer(size_t{1} << 16);
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), got);
    if (text.size() > kMaxInput) {
      return core::Exhausted(StrCat("standard input is over ", core::HumanBytes(kMaxInput)))
          .WithHint("Give the text in smaller parts.");
    }
  }
  if (std::ferror(stdin) != 0) return core::IoError("standard input cannot be read");
  return text;
}

// "1,2 3" or "[1, 2, 3]": what --ids and --json print.
Result<std::vector<TokenId>> ParseIds(std::string_view text) {
  std::vector<TokenId> ids;
  text = core::Trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find_first_of(", \t\r\n", begin);
    if (end == std::string_view::npos) end = text.size();
    if (end > begin) {
      const std::string_view word = text.substr(begin, end - begin);
      const std::optional<uint64_t> id = core::ParseUint(word);
      if (!id || *id > UINT32_MAX) {
        return core::InvalidArgument(StrCat("expected token ids, found ", core::Quoted(word, 40)))
            .WithHint("Give numbers separated by commas, as in --decode 1,2,3.");
      }
      ids.push_back(static_cast<TokenId>(*id));
    }
    begin = end + 1;
  }
  return ids;
}

Status Decode(Session& session, const TokenizeOptions& options,
              const engine::ModelTokenizer& loaded, std::string_view input) {
  INGOT_ASSIGN(const std::vector<TokenId> ids, ParseIds(input));
  for (const TokenId id : ids) {
    if (loaded.tokenizer()->TokenText(id)) continue;
    return core::InvalidArgument(StrCat("the tokenizer of ", options.model, " has no token ", id))
        .WithHint(StrCat("Its tokens are numbered below ", loaded.tokenizer()->id_end(), "."));
  }
  const std::string text = loaded.tokenizer()->Decode(ids, options.skip_special);
  if (options.json) {
    session.PrintJson({{"ids", ids}, {"text", text}});
  } else {
    session.Print(TextFor(session, text));
  }
  return Status::Ok();
}

Status Encode(Session& session, const TokenizeOptions& options,
              const engine::ModelTokenizer& loaded, std::string_view input) {
  text::EncodeOptions encode;
  encode.add_special = !options.bare;
  const text::TextSegment segment{input, !options.user};
  INGOT_ASSIGN(const std::vector<TokenId> ids,
               text::EncodePrompt(*loaded.tokenizer(), loaded.control(), {&segment, 1}, encode));
  const auto spelled = [&](TokenId id) {
    return std::string(loaded.tokenizer()->TokenText(id).value_or(""));
  };
  if (options.json) {
    core::Json tokens = core::Json::array();
    for (const TokenId id : ids) tokens.push_back(spelled(id));
    session.PrintJson({{"ids", ids}, {"tokens", std::move(tokens)}});
    return Status::Ok();
  }
  if (options.ids) {
    std::string line;
    for (const TokenId id : ids) line += StrCat(line.empty() ? "" : ",", id);
    session.Print(line + '\n');
    return Status::Ok();
  }
  Table table;
  for (const TokenId id : ids) {
    const std::string_view bytes = loaded.tokenizer()->TokenBytes(id);
    table.AddRow(
        {StrCat(id), core::Quoted(bytes, 200), loaded.tokenizer()->IsSpecial(id) ? "special" : ""});
  }
  session.Print(table.Render(0));
  return Status::Ok();
}

Status Tokenize(Session& session, const TokenizeOptions& options) {
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  const engine::ModelFiles& files = source->files();
  INGOT_ASSIGN(const engine::ModelTokenizer loaded, engine::ModelTokenizer::Load(files));
  if (loaded.tokenizer() == nullptr) {
    return core::NotFound(StrCat(files.label(), ": has no tokenizer.json"))
        .WithHint("Put the checkpoint's tokenizer.json beside its config.json.");
  }
  std::string input = options.text;
  if (options.text == "-") {
    INGOT_ASSIGN(input, ReadInput());
  }
  return options.decode ? Decode(session, options, loaded, input)
                        : Encode(session, options, loaded, input);
}

}  // namespace

void AddTokenizeCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "tokenize",
                 "Show the tokens that a text is for a model, or the text of tokens", kTextGroup,
                 "  ingot tokenize qwen3:4b 'Hello there'\n"
                 "  ingot tokenize ./Qwen3-4B --ids < prompt.txt\n"
                 "  ingot tokenize qwen3:4b --decode 9707,1052");
  const auto options = std::make_shared<TokenizeOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("text", options->text, "The text, or ids to decode; -: standard input");
  CLI::Option* ids = command.add_flag("--ids", options->ids, "Only ids, on one line");
  CLI::Option* decode =
      command.add_flag("--decode", options->decode, "The input is ids: print their text");
  decode->excludes(ids);
  command
      .add_flag("--user", options->user,
                "As a user's words: special tokens in them stay plain text")
      ->excludes(decode);
  command
      .add_flag("--bare", options->bare,
                "Without the tokens that the model wants around every text")
      ->excludes(decode);
  command.add_flag("--skip-special", options->skip_special, "Leave special tokens out of the text")
      ->needs(decode);
  command.add_flag("--json", options->json, "Print JSON")->excludes(ids);
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Tokenize(s, *options)); };
  });
}

}  // namespace ingot::cli
