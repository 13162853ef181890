// What becomes of the delimiters that a text is split at.
#ifndef INGOT_TEXT_TOKEN_DELIMITERS_H_
#define INGOT_TEXT_TOKEN_DELIMITERS_H_

#include <cstddef>
#include <string_view>

#include "core/status.h"
#include "text/token/component.h"
#include "text/token/pre_tokenizer.h"

namespace ingot::text {

// "a-b--c" split at "-":
enum class Delimiters {
  kRemoved,             // a b c
  kIsolated,            // a - b - - c
  kMergedWithPrevious,  // a- b- - c
  kMergedWithNext,      // a -b - -c
  kContiguous,          // a - b -- c
};

// Written "Removed" or "removed" in tokenizer.json.
core::Result<Delimiters> DelimitersField(const Component& component, std::string_view key);

// Takes the spans of a piece in order, each a delimiter or not, and hands out what they make.
class SpanJoiner {
 public:
  SpanJoiner(const Piece& piece, Delimiters rule, PieceSink sink)
      : piece_(piece), rule_(rule), sink_(sink) {}

  core::Status Add(size_t begin, size_t end, bool delimiter) {
    switch (rule_) {
      case Delimiters::kIsolated:
        return Emit(begin, end);
      case Delimiters::kRemoved:
        return delimiter ? core::Status::Ok() : Emit(begin, end);
      case Delimiters::kContiguous:
        if (delimiter == last_delimiter_) return Extend(begin, end);
        break;
      case Delimiters::kMergedWithPrevious:
        if (delimiter && !last_delimiter_) return Extend(begin, end, true);
        break;
      case Delimiters::kMergedWithNext:
        if (!delimiter && last_delimiter_) return Extend(begin, end, false);
        break;
    }
    INGOT_TRY(Finish());
    begin_ = begin;
    end_ = end;
    held_ = true;
    last_delimiter_ = delimiter;
    return core::Status::Ok();
  }

  // After the last span.
  core::Status Finish() {
    if (!held_) return core::Status::Ok();
    held_ = false;
    return Emit(begin_, end_);
  }

 private:
  core::Status Extend(size_t begin, size_t end) { return Extend(begin, end, last_delimiter_); }
  core::Status Extend(size_t begin, size_t end, bool delimiter) {
    if (!held_) begin_ = begin;
    end_ = end;
    held_ = true;
    last_delimiter_ = delimiter;
    return core::Status::Ok();
  }
  core::Status Emit(size_t begin, size_t end) {
    if (begin == end) return core::Status::Ok();
    return sink_({piece_.text.substr(begin, end - begin), piece_.at_start && begin == 0});
  }

  const Piece& piece_;
  Delimiters rule_;
  PieceSink sink_;
  bool held_ = false;
  bool last_delimiter_ = false;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_DELIMITERS_H_
