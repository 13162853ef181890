#include "text/jinja/text.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "text/jinja/unicode.h"

namespace ingot::text::jinja {

Text::Text(std::string bytes, Origin origin) : bytes_(std::move(bytes)) {
  length_ = CountChars(bytes_);
  if (origin == Origin::kUser && !bytes_.empty()) user_.push_back({0, bytes_.size()});
}

size_t Text::OffsetOf(size_t character) const {
  if (ascii()) return std::min(character, bytes_.size());
  if (character >= length_) return bytes_.size();
  size_t at = 0;
  for (size_t i = 0; i < character; ++i) at += DecodeUtf8(bytes_, at).size;
  return at;
}

Origin Text::OriginAt(size_t byte) const {
  auto range =
      std::lower_bound(user_.begin(), user_.end(), byte,
                       [](const ByteRange& r, size_t position) { return r.end <= position; });
  return range != user_.end() && range->begin <= byte ? Origin::kUser : Origin::kTemplate;
}

bool TextBuilder::Fits(size_t more) {
  if (overflowed_ || more > max_bytes_ - text_.bytes_.size()) overflowed_ = true;
  return !overflowed_;
}

void TextBuilder::MarkUser(size_t begin, size_t end) {
  auto& user = text_.user_;
  if (begin == end) return;
  if (!user.empty() && user.back().end == begin) {
    user.back().end = end;
  } else {
    user.push_back({begin, end});
  }
}

void TextBuilder::Append(std::string_view bytes, Origin origin) {
  if (!Fits(bytes.size())) return;
  size_t begin = text_.bytes_.size();
  text_.bytes_.append(bytes);
  if (origin == Origin::kUser) MarkUser(begin, begin + bytes.size());
}

void TextBuilder::AppendChar(uint32_t code, Origin origin) {
  if (!Fits(4)) return;
  size_t begin = text_.bytes_.size();
  AppendUtf8(text_.bytes_, code);
  if (origin == Origin::kUser) MarkUser(begin, text_.bytes_.size());
}

void TextBuilder::AppendSlice(const Text& text, size_t begin, size_t end) {
  if (begin >= end || !Fits(end - begin)) return;
  size_t base = text_.bytes_.size();
  text_.bytes_.append(text.bytes_, begin, end - begin);
  auto range =
      std::lower_bound(text.user_.begin(), text.user_.end(), begin,
                       [](const ByteRange& r, size_t position) { return r.end <= position; });
  for (; range != text.user_.end() && range->begin < end; ++range) {
    MarkUser(base + std::max(range->begin, begin) - begin,
             base + std::min(range->end, end) - begin);
  }
}

void TextBuilder::Repeat(const Text& text, uint64_t times) {
  if (text.empty()) return;
  if (times > max_bytes_ / text.size()) {
    overflowed_ = true;
    return;
  }
  for (uint64_t i = 0; i < times; ++i) Append(text);
}

Text TextBuilder::Finish() && {
  text_.length_ = CountChars(text_.bytes_);
  return std::move(text_);
}

uint32_t CharReader::Next() {
  const auto& user = text_->user();
  while (range_ < user.size() && user[range_].end <= at_) ++range_;
  bool in_user = range_ < user.size() && user[range_].begin <= at_;
  origin_ = in_user ? Origin::kUser : Origin::kTemplate;
  Utf8Char c = DecodeUtf8(text_->view(), at_);
  at_ += c.size;
  return c.code;
}

size_t FindBytes(std::string_view haystack, std::string_view needle, size_t from) {
  if (from > haystack.size()) return std::string_view::npos;
  if (needle.empty()) return from;
  const void* found =
      memmem(haystack.data() + from, haystack.size() - from, needle.data(), needle.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - haystack.data());
}

}  // namespace ingot::text::jinja
