#include "text/token/merges_load.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "text/token/model_load.h"

namespace ingot::text {

using core::Corrupt;
using core::JsonKind;
using core::JsonReader;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

struct Merge {
  TokenId left = 0;
  TokenId right = 0;
  TokenId result = 0;
};

// Looks merges up some at a time, in the order learnt.
class MergeReader {
 public:
  MergeReader(const Vocab& vocab, std::string_view prefix) : vocab_(vocab), prefix_(prefix) {}

  // The elements of one list.
  Status Read(std::string_view json) {
    JsonReader reader(json, {.max_bytes = kMaxTokenizerFile});
    std::string left;
    INGOT_TRY(reader.BeginArray());
    while (true) {
      INGOT_ASSIGN(const bool more, reader.NextElement());
      if (!more) return Flush();
      if (reader.Peek() == JsonKind::kArray) {
        INGOT_TRY(reader.BeginArray());
        INGOT_ASSIGN(const bool has_left, reader.NextElement());
        if (!has_left) return Corrupt("an empty merge");
        INGOT_ASSIGN(const std::string_view first, reader.String());
        left.assign(first);
        INGOT_ASSIGN(const bool has_right, reader.NextElement());
        if (!has_right) return Corrupt("a merge of one token");
        INGOT_ASSIGN(const std::string_view right, reader.String());
        INGOT_TRY(Add(left, right));
        INGOT_ASSIGN(const bool has_more, reader.NextElement());
        if (has_more) return Corrupt("a merge of more than two tokens");
        continue;
      }
      INGOT_ASSIGN(const std::string_view pair, reader.String());
      if (pair.starts_with("#version")) continue;
      const size_t space = pair.find(' ');
      if (space == std::string_view::npos || pair.find(' ', space + 1) != std::string_view::npos) {
        return Corrupt(StrCat("expected two tokens with a space between them, found ",
                              core::Quoted(pair, 60)));
      }
      INGOT_TRY(Add(pair.substr(0, space), pair.substr(space + 1)));
    }
  }

  std::vector<Merge>& merges() { return merges_; }

 private:
  struct Waiting {
    size_t left = 0;  // where each text ends in texts_: the left, the right, the two joined
    size_t right = 0;
    size_t joined = 0;
  };

  Status Add(std::string_view left, std::string_view right) {
    // The mark of a continuation is not repeated inside a token. As in the original it is taken for
    // granted, and that many bytes go.
    if (right.size() < prefix_.size()) {
      return Corrupt(StrCat("merge ", merges_.size() + waiting_.size(), ": ",
                            core::Quoted(right, 40),
                            " is shorter than the prefix of continuations"));
    }
    Waiting ends;
    texts_ += left;
    ends.left = texts_.size();
    texts_ += right;
    ends.right = texts_.size();
    texts_ += left;
    texts_ += right.substr(prefix_.size());
    ends.joined = texts_.size();
    waiting_.push_back(ends);
    constexpr size_t kTogether = 256;
    return waiting_.size() < kTogether ? Status::Ok() : Flush();
  }

  Status Flush() {
    wanted_.clear();
    const std::string_view all = texts_;
    size_t begin = 0;
    for (const Waiting& ends : waiting_) {
      for (const size_t end : {ends.left, ends.right, ends.joined}) {
        wanted_.push_back(all.substr(begin, end - begin));
        begin = end;
      }
    }
    found_.resize(wanted_.size());
    vocab_.FindMany(wanted_, found_);
    for (size_t i = 0; i < wanted_.size(); i += 3) {
      for (size_t part = i; part < i + 3; ++part) {
        if (found_[part] != Vocab::kNoToken) continue;
        return Corrupt(StrCat("merge ", merges_.size(), " (", core::Quoted(wanted_[i], 40), ", ",
                              core::Quoted(wanted_[i + 1], 40), "): the token ",
                              core::Quoted(wanted_[part], 60), " is not in the vocabulary"));
      }
      merges_.push_back({found_[i], found_[i + 1], found_[i + 2]});
    }
    waiting_.clear();
    texts_.clear();
    return Status::Ok();
  }

  const Vocab& vocab_;
  std::string_view prefix_;
  std::string texts_;
  std::vector<Waiting> waiting_;
  std::vector<std::string_view> wanted_;
  std::vector<TokenId> found_;
  std::vector<Merge> merges_;
};

// Cuts the inside of a list between elements. Line ends stand between them and never in a string,
// so a comma before one ends an element; where elements are lists, behind a bracket.
std::vector<std::string_view> Parts(std::string_view inside) {
  constexpr size_t kPartBytes = size_t{256} << 10;
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = inside.find_first_not_of(kSpace);
  const bool lists = first != std::string_view::npos && inside[first] == '[';
  std::vector<std::string_view> parts;
  for (size_t from = kPartBytes; from < inside.size();) {
    const size_t line = inside.find('\n', from);
    if (line == std::string_view::npos) break;
    const size_t comma = inside.substr(0, line).find_last_not_of(kSpace);
    const size_t last = inside.substr(0, comma).find_last_not_of(kSpace);
    if (comma == std::string_view::npos || last == std::string_view::npos || inside[comma] != ',' ||
        (lists && inside[last] != ']')) {
      from = inside.find_first_not_of(kSpace, line);  // each run of space is looked at once
      continue;
    }
    parts.push_back(inside.substr(0, comma));
    inside.remove_prefix(comma + 1);
    from = kPartBytes;
  }
  parts.push_back(inside);
  return parts;
}

MergeTable Table(std::span<MergeReader> readers) {
  size_t count = 0;
  for (MergeReader& reader : readers) count += reader.merges().size();
  MergeTable table;
  table.Reserve(count);
  uint32_t rank = 0;
  for (MergeReader& reader : readers) {
    const std::vector<Merge>& merges = reader.merges();
    constexpr size_t kAhead = 16;
    for (size_t i = 0; i < merges.size(); ++i) {
      if (i + kAhead < merges.size()) {
        table.Prefetch(merges[i + kAhead].left, merges[i + kAhead].right);
      }
      table.Add(merges[i].left, merges[i].right, {rank++, merges[i].result});
    }
  }
  return table;
}

}  // namespace

Result<MergeTable> ReadMerges(std::string_view json, const Vocab& vocab, std::string_view prefix) {
  json = core::Trim(json);
  if (json.size() >= 2 && json.starts_with('[') && json.ends_with(']')) {
    const std::vector<std::string_view> parts = Parts(json.substr(1, json.size() - 2));
    std::vector<MergeReader> readers(parts.size(), MergeReader(vocab, prefix));
    std::vector<char> read(parts.size());
    core::ThreadPool::Shared().ParallelFor(parts.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        read[i] = static_cast<char>(readers[i].Read(StrCat("[", parts[i], "]")).ok());
      }
    });
    if (std::find(read.begin(), read.end(), 0) == read.end()) return Table(readers);
  }
  // Something is wrong with it: read in one piece it says what, and where.
  MergeReader reader(vocab, prefix);
  INGOT_TRY(reader.Read(json));
  return Table({&reader, 1});
}

}  // namespace ingot::text
