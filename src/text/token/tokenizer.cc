#include "text/token/tokenizer.h"

#include <algorithm>
#include <mutex>

#include "core/strings.h"
#include "core/thread_pool.h"
#include "text/token/unicode.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;
using core::StrCat;

namespace {

constexpr size_t kMaxText = size_t{1} << 30;
// Long text is cut into blocks of about this size, which threads take one by one.
constexpr size_t kBlock = 16 << 10;
constexpr size_t kMostIdleScratches = 64;

}  // namespace

struct Tokenizer::Scratch {
  ModelScratch model;
  RegexScratch regex;
  std::vector<AddedTokens::Span> spans;
  std::vector<AddedTokens::Span> normal_spans;
};

struct Tokenizer::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Scratch>> idle;
};

// A scratch for as long as it is needed; its caches stay warm from call to call.
class Tokenizer::Lease {
 public:
  explicit Lease(Pool& pool) : pool_(pool) {
    const std::lock_guard lock(pool_.mutex);
    if (!pool_.idle.empty()) {
      scratch_ = std::move(pool_.idle.back());
      pool_.idle.pop_back();
    }
    if (!scratch_) scratch_ = std::make_unique<Scratch>();
  }
  ~Lease() {
    const std::lock_guard lock(pool_.mutex);
    if (pool_.idle.size() < kMostIdleScratches) pool_.idle.push_back(std::move(scratch_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch& operator*() { return *scratch_; }

 private:
  Pool& pool_;
  std::unique_ptr<Scratch> scratch_;
};

struct Tokenizer::Run {
  const Trust& trust;
  bool parallel = true;
  Scratch& scratch;
  std::vector<TokenId>& out;
};

Tokenizer::Tokenizer() : pool_(std::make_unique<Pool>()) {}
Tokenizer::~Tokenizer() = default;

Result<std::vector<TokenId>> Tokenizer::Encode(std::string_view text,
                                               const EncodeOptions& options) const {
  const TextSegment segment{text};
  return EncodeSegments({&segment, 1}, options);
}

Result<std::vector<TokenId>> Tokenizer::EncodeSegments(std::span<const TextSegment> segments,
                                                       const EncodeOptions& options) const {
  // Each part is repaired on its own: bytes of a user do not complete a character of a template.
  std::string joined;
  std::string repaired;
  std::string_view text;
  Trust trust;
  TokenSet guarded;
  TokenSet avoided;
  bool all_trusted = true;
  for (const TextSegment& segment : segments) {
    if (joined.size() + segment.text.size() > kMaxText) {
      return core::Exhausted(StrCat("text of more than ", kMaxText, " bytes"));
    }
    const std::string_view good = Repair(segment.text, repaired);
    if (segments.size() == 1) {
      text = good;
    } else {
      joined.append(good);
      text = joined;
    }
    if (!good.empty()) trust.spans.push_back({text.size(), segment.trusted});
    all_trusted &= segment.trusted;
  }
  if (all_trusted) return EncodeText(text, {}, options);
  trust.guarded = &guarded_;
  trust.avoided = &avoided_;
  if (!options.also_guarded.empty()) {
    guarded = guarded_;
    avoided = avoided_;
    for (const TokenId id : options.also_guarded) {
      if (id >= id_end_) continue;
      guarded.Add(id);
      avoided.Add(id);
    }
    trust.guarded = &guarded;
    trust.avoided = &avoided;
  }
  return EncodeText(text, trust, options);
}

Result<std::vector<TokenId>> Tokenizer::EncodeText(std::string_view text, const Trust& trust,
                                                   const EncodeOptions& options) const {
  Lease lease(*pool_);
  Scratch& scratch = *lease;
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 4 + 8);
  Run run{trust, options.parallel, scratch, ids};
  std::vector<AddedTokens::Span> spans;
  spans.swap(scratch.spans);
  added_.Find(text, false, trust, {}, 0, spans);
  for (const AddedTokens::Span& span : spans) {
    if (span.token) {
      ids.push_back(*span.token);
    } else {
      INGOT_TRY(EncodeChunk(text.substr(span.begin, span.end - span.begin), span.begin, run));
    }
  }
  spans.swap(scratch.spans);
  const size_t added = options.add_special ? post_.added() : 0;
  if (options.max_tokens != 0) {
    if (options.max_tokens < added) {
      return core::InvalidArgument(StrCat("a limit of ", options.max_tokens,
                                          " tokens leaves no room for the ", added,
                                          " that are added to every text"));
    }
    if (ids.size() > options.max_tokens - added) ids.resize(options.max_tokens - added);
  }
  if (added == 0) return ids;
  std::vector<TokenId> whole;
  whole.reserve(ids.size() + added);
  post_.Apply(ids, true, whole);
  return whole;
}

Result<std::vector<TokenId>> Tokenizer::EncodePair(std::string_view first, std::string_view second,
                                                   const EncodeOptions& options) const {
  EncodeOptions bare = options;
  bare.add_special = false;
  INGOT_ASSIGN(const std::vector<TokenId> a, Encode(first, bare));
  INGOT_ASSIGN(const std::vector<TokenId> b, Encode(second, bare));
  std::vector<TokenId> whole;
  post_.ApplyPair(a, b, options.add_special, whole);
  if (options.max_tokens != 0 && whole.size() > options.max_tokens) {
    return core::InvalidArgument(StrCat("a pair of texts has ", whole.size(),
                                        " tokens, over the limit of ", options.max_tokens));
  }
  return whole;
}

// Text between two tokens that were found in it.
Status Tokenizer::EncodeChunk(std::string_view chunk, size_t offset, Run& run) const {
  const bool guarded =
      run.trust.guarded != nullptr && !run.trust.Covers(offset, offset + chunk.size());
  if (normalizer_ == nullptr && !added_.any(true)) {
    return EncodeSpan(chunk, offset == 0, guarded, run);
  }
  NormalText normal;
  normal.text = chunk;
  normal.tracked = (asks_start_ && offset == 0) || (guarded && added_.any(true));
  if (normal.tracked) {
    normal.source.resize(chunk.size());
    for (size_t at = 0; at < chunk.size();) {
      const size_t begin = at;
      at += Utf8Length(chunk[at]);
      std::fill(normal.source.begin() + static_cast<ptrdiff_t>(begin),
                normal.source.begin() + static_cast<ptrdiff_t>(at), static_cast<uint32_t>(begin));
    }
  }
  if (normalizer_ != nullptr) INGOT_TRY(normalizer_->Apply(normal));
  const std::string_view text = normal.text;
  const auto at_start = [&](size_t begin) {
    return offset == 0 && (normal.tracked ? normal.source[begin] == 0 : begin == 0);
  };
  if (!added_.any(true)) {
    return text.empty() ? Status::Ok() : EncodeSpan(text, at_start(0), guarded, run);
  }
  std::vector<AddedTokens::Span> spans;
  spans.swap(run.scratch.normal_spans);
  added_.Find(text, true, guarded ? run.trust : Trust(), normal.source, offset, spans);
  for (const AddedTokens::Span& span : spans) {
    if (span.token) {
      run.out.push_back(*span.token);
    } else {
      INGOT_TRY(EncodeSpan(text.substr(span.begin, span.end - span.begin), at_start(span.begin),
                           guarded, run));
    }
  }
  spans.swap(run.scratch.normal_spans);
  return Status::Ok();
}

// Normalized text without any token to find in it.
Status Tokenizer::EncodeSpan(std::string_view text, bool at_start, bool guarded, Run& run) const {
  if (run.parallel && text.size() >= 2 * kBlock && core::ThreadPool::Shared().threads() > 1) {
    const std::vector<size_t> ends = Blocks(text);
    if (ends.size() > 1) return EncodeBlocks(text, ends, at_start, guarded, run);
  }
  return EncodePieces(text, at_start, guarded, run, run.scratch, run.out);
}

// Where a long text may be cut into blocks that give the same tokens one by one; the last end is
// the end of the text.
std::vector<size_t> Tokenizer::Blocks(std::string_view text) const {
  std::vector<size_t> ends;
  const bool at_spaces =
      pre_tokenizer_ != nullptr && pre_tokenizer_->at_space() == PreTokenizer::AtSpace::kCut;
  const uint32_t mark = pre_tokenizer_ == nullptr ? 0 : pre_tokenizer_->unsplit_replacement();
  if (pre_tokenizer_ != nullptr && !at_spaces && mark == 0) return ends;
  const auto may_cut = [&](size_t at) {
    const uint32_t left = PointAt(text, PreviousStart(text, at));
    if (at_spaces) return text[at] == ' ' && !IsSpace(left);
    if (mark != 0) return text[at] == ' ' && left != ' ' && model_->CanCut(left, mark);
    return model_->CanCut(left, PointAt(text, at));
  };
  size_t begin = 0;
  while (text.size() - begin > 2 * kBlock) {
    size_t at = begin + kBlock;
    while (at < text.size() && (IsUtf8Continuation(text[at]) || !may_cut(at))) ++at;
    if (at >= text.size()) break;
    ends.push_back(at);
    begin = at;
  }
  ends.push_back(text.size());
  return ends;
}

Status Tokenizer::EncodeBlocks(std::string_view text, const std::vector<size_t>& ends,
                               bool at_start, bool guarded, Run& run) const {
  struct Block {
    std::vector<TokenId> ids;
    Status status;
  };
  std::vector<Block> blocks(ends.size());
  core::ThreadPool::Shared().ParallelFor(ends.size(), 1, [&](size_t first, size_t last) {
    Lease lease(*pool_);
    for (size_t i = first; i < last; ++i) {
      const size_t begin = i == 0 ? 0 : ends[i - 1];
      blocks[i].ids.reserve((ends[i] - begin) / 4 + 8);
      blocks[i].status = EncodePieces(text.substr(begin, ends[i] - begin), at_start && i == 0,
                                      guarded, run, *lease, blocks[i].ids);
    }
  });
  for (Block& block : blocks) {
    INGOT_TRY(std::move(block.status));
    run.out.insert(run.out.end(), block.ids.begin(), block.ids.end());
  }
  return Status::Ok();
}

Status Tokenizer::EncodePieces(std::string_view text, bool at_start, bool guarded, const Run& run,
                               Scratch& scratch, std::vector<TokenId>& out) const {
  const auto encode = [&](const Piece& piece) {
    return guarded ? model_->EncodeAvoiding(piece.text, *run.trust.avoided, scratch.model, out)
                   : model_->Encode(piece.text, scratch.model, out);
  };
  const Piece whole{text, at_start};
  return pre_tokenizer_ == nullptr ? encode(whole)
                                   : pre_tokenizer_->Split(whole, scratch.regex, encode);
}

}  // namespace ingot::text
