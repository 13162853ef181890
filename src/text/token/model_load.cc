// The "model" object of tokenizer.json.
#include "text/token/model_load.h"

#include <utility>

#include "core/strings.h"
#include "text/token/bpe.h"
#include "text/token/merges_load.h"
#include "text/token/unigram.h"
#include "text/token/wordpiece.h"

namespace ingot::text {

using core::Corrupt;
using core::JsonKind;
using core::JsonReader;
using core::Result;
using core::Status;
using core::StrCat;
using core::Unsupported;

namespace {

// A token of a vocabulary and its merge take some eighty bytes of the file: a guess for making
// room.
constexpr size_t kBytesPerToken = 64;

Result<std::optional<std::string>> OptionalString(JsonReader& reader) {
  if (reader.Peek() == JsonKind::kNull) {
    INGOT_TRY(reader.Null());
    return std::optional<std::string>();
  }
  INGOT_ASSIGN(const std::string_view text, reader.String());
  return std::optional<std::string>(text);
}

Result<bool> OptionalBool(JsonReader& reader) {
  if (reader.Peek() != JsonKind::kNull) return reader.Bool();
  INGOT_TRY(reader.Null());
  return false;
}

Result<TokenId> ReadId(JsonReader& reader) {
  INGOT_ASSIGN(const uint64_t id, reader.Unsigned());
  if (id > kMaxTokenId) return Corrupt(StrCat("the token id ", id, " is over the limit"));
  return static_cast<TokenId>(id);
}

// Everything that the "model" object may hold, of any type.
struct ModelFile {
  std::string type;
  Vocab vocab;                         // of an object of tokens and ids
  std::vector<Unigram::Piece> pieces;  // of an array of tokens and scores
  bool has_vocab = false;
  bool is_list = false;
  std::string_view merges;  // the raw text, read when the vocabulary and the prefix are known
  bool has_merges = false;
  std::optional<std::string> unknown;
  std::optional<TokenId> unknown_id;
  std::string continuing_prefix;
  bool has_prefix = false;
  std::string end_suffix;
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  std::optional<uint64_t> longest_word;
};

class ModelReader {
 public:
  ModelReader(JsonReader& reader, size_t file_size) : reader_(reader), file_size_(file_size) {}

  Result<std::unique_ptr<Model>> Read() {
    INGOT_TRY(reader_.BeginObject());
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> found, reader_.NextKey());
      if (!found) break;
      const std::string key(*found);
      Status read = Member(key);
      if (!read.ok()) return std::move(read).Context(StrCat("model.", core::Printable(key, 40)));
    }
    if (!file_.has_vocab) return Corrupt("model: no vocab");
    if (file_.type.empty()) GuessType();
    if (file_.type == "BPE") return MakeBpe();
    if (file_.type == "WordPiece") return MakeWordPiece();
    if (file_.type == "WordLevel") return MakeWordLevel();
    if (file_.type == "Unigram") return MakeUnigram();
    return Unsupported(StrCat("model: the type ", core::Quoted(file_.type, 60), " is not known"));
  }

 private:
  Status Member(std::string_view key) {
    if (key == "type") {
      INGOT_ASSIGN(file_.type, reader_.String());
    } else if (key == "vocab") {
      file_.has_vocab = true;
      file_.is_list = reader_.Peek() == JsonKind::kArray;
      return file_.is_list ? ReadPieces() : ReadVocab();
    } else if (key == "merges") {
      file_.has_merges = true;
      INGOT_ASSIGN(file_.merges, reader_.RawValue());
    } else if (key == "unk_token") {
      INGOT_ASSIGN(file_.unknown, OptionalString(reader_));
    } else if (key == "unk_id") {
      if (reader_.Peek() == JsonKind::kNull) return reader_.Null();
      INGOT_ASSIGN(file_.unknown_id, ReadId(reader_));
    } else if (key == "continuing_subword_prefix") {
      INGOT_ASSIGN(const std::optional<std::string> prefix, OptionalString(reader_));
      file_.has_prefix = prefix.has_value();
      file_.continuing_prefix = prefix.value_or("");
    } else if (key == "end_of_word_suffix") {
      INGOT_ASSIGN(const std::optional<std::string> suffix, OptionalString(reader_));
      file_.end_suffix = suffix.value_or("");
    } else if (key == "fuse_unk") {
      INGOT_ASSIGN(file_.fuse_unknown, OptionalBool(reader_));
    } else if (key == "byte_fallback") {
      INGOT_ASSIGN(file_.byte_fallback, OptionalBool(reader_));
    } else if (key == "ignore_merges") {
      INGOT_ASSIGN(file_.ignore_merges, OptionalBool(reader_));
    } else if (key == "max_input_chars_per_word") {
      INGOT_ASSIGN(file_.longest_word, reader_.Unsigned());
    } else if (key == "dropout") {
      return ReadDropout();
    } else {
      return reader_.SkipValue();
    }
    return Status::Ok();
  }

  // Dropout makes encoding random, which is for training.
  Status ReadDropout() {
    if (reader_.Peek() == JsonKind::kNull) return reader_.Null();
    INGOT_ASSIGN(const double dropout, reader_.Number());
    if (dropout == 0) return Status::Ok();
    return Unsupported(StrCat("a dropout of ", dropout, " would make encoding random"))
        .WithHint("Set model.dropout to null in tokenizer.json.");
  }

  Status ReadVocab() {
    file_.vocab.Reserve(file_size_ / kBytesPerToken);
    INGOT_TRY(reader_.BeginObject());
    while (true) {
      INGOT_ASSIGN(const std::optional<std::string_view> token, reader_.NextKey());
      if (!token) return AddWaiting();
      // The view ends with the next call: the id is read after the token is kept.
      tokens_.append(*token);
      INGOT_ASSIGN(const TokenId id, ReadId(reader_));
      waiting_.push_back({tokens_.size(), id});
      constexpr size_t kTogether = 64;
      if (waiting_.size() == kTogether) {
        INGOT_TRY(AddWaiting());
      }
    }
  }

  Status AddWaiting() {
    Status added = file_.vocab.AddMany(tokens_, waiting_);
    tokens_.clear();
    waiting_.clear();
    return added;
  }

  Status ReadPieces() {
    INGOT_TRY(reader_.BeginArray());
    while (true) {
      INGOT_ASSIGN(const bool more, reader_.NextElement());
      if (!more) return Status::Ok();
      Unigram::Piece piece;
      INGOT_TRY(reader_.BeginArray());
      INGOT_ASSIGN(const bool has_text, reader_.NextElement());
      if (!has_text) return Corrupt("a token without text and score");
      INGOT_ASSIGN(piece.text, reader_.String());
      INGOT_ASSIGN(const bool has_score, reader_.NextElement());
      if (!has_score) return Corrupt("a token without a score");
      INGOT_ASSIGN(piece.score, reader_.Number());
      INGOT_ASSIGN(const bool has_more, reader_.NextElement());
      if (has_more) return Corrupt("a token with more than a text and a score");
      if (file_.pieces.size() > kMaxTokenId) return core::Exhausted("too many tokens");
      file_.pieces.push_back(std::move(piece));
    }
  }

  // Files from before the type was written.
  void GuessType() {
    if (file_.is_list) {
      file_.type = "Unigram";
    } else if (file_.has_merges) {
      file_.type = "BPE";
    } else {
      file_.type = file_.longest_word ? "WordPiece" : "WordLevel";
    }
  }

  Status WantObject() const {
    return file_.is_list ? Corrupt(StrCat("model.vocab: ", file_.type,
                                          " has an object of tokens and ids, found an array"))
                         : Status::Ok();
  }

  Result<std::unique_ptr<Model>> MakeBpe() {
    INGOT_TRY(WantObject());
    if (!file_.has_merges) return Corrupt("model: no merges");
    Result<MergeTable> table = ReadMerges(file_.merges, file_.vocab, file_.continuing_prefix);
    if (!table.ok()) return std::move(table).status().Context("model.merges");
    BpeOptions options;
    options.unknown = std::move(file_.unknown);
    options.continuing_prefix = std::move(file_.continuing_prefix);
    options.end_suffix = std::move(file_.end_suffix);
    options.fuse_unknown = file_.fuse_unknown;
    options.byte_fallback = file_.byte_fallback;
    options.ignore_merges = file_.ignore_merges;
    return std::unique_ptr<Model>(
        std::make_unique<Bpe>(std::move(file_.vocab), *std::move(table), std::move(options)));
  }

  Result<std::unique_ptr<Model>> MakeWordPiece() {
    INGOT_TRY(WantObject());
    if (!file_.unknown || !file_.longest_word || !file_.has_prefix) {
      return Corrupt(
          "model: WordPiece needs unk_token, continuing_subword_prefix and "
          "max_input_chars_per_word");
    }
    WordPieceOptions options;
    options.unknown = *std::move(file_.unknown);
    options.continuing_prefix = std::move(file_.continuing_prefix);
    options.longest_word = *file_.longest_word;
    return std::unique_ptr<Model>(
        std::make_unique<WordPiece>(std::move(file_.vocab), std::move(options)));
  }

  Result<std::unique_ptr<Model>> MakeWordLevel() {
    INGOT_TRY(WantObject());
    if (!file_.unknown) return Corrupt("model: WordLevel needs unk_token");
    return std::unique_ptr<Model>(
        std::make_unique<WordLevel>(std::move(file_.vocab), *file_.unknown));
  }

  Result<std::unique_ptr<Model>> MakeUnigram() {
    if (!file_.is_list) return Corrupt("model.vocab: expected an array of tokens and scores");
    return Unigram::Make(std::move(file_.pieces),
                         {.unknown = file_.unknown_id, .byte_fallback = file_.byte_fallback});
  }

  JsonReader& reader_;
  size_t file_size_;
  ModelFile file_;
  std::string tokens_;  // read and not yet added, end to end
  std::vector<Vocab::Addition> waiting_;
};

}  // namespace

Result<std::unique_ptr<Model>> LoadModel(JsonReader& reader, size_t file_size) {
  return ModelReader(reader, file_size).Read();
}

}  // namespace ingot::text
