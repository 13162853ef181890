// A string of the template language that remembers which of its bytes came from the user, so that
// what a user typed can never become one of the model's control tokens. Every operation keeps the
// marks: a slice, a join or an upper-cased copy knows its user bytes too.
//
// A Text never changes, so any number of threads may read it. A TextBuilder belongs to one thread.
#ifndef INGOT_TEXT_JINJA_TEXT_H_
#define INGOT_TEXT_JINJA_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::text::jinja {

enum class Origin : uint8_t { kTemplate, kUser };

// Bytes [begin, end) of a string.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

class Text {
 public:
  Text() = default;
  // bytes are valid UTF-8.
  explicit Text(std::string bytes, Origin origin = Origin::kTemplate);

  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // The ranges that came from the user: sorted, apart from each other, not empty.
  const std::vector<ByteRange>& user() const { return user_; }
  Origin OriginAt(size_t byte) const;

  // Characters, as Python's len() counts them.
  size_t length() const { return length_; }
  bool ascii() const { return length_ == bytes_.size(); }
  // The byte offset of a character; length() gives size(). O(n) unless all is ASCII.
  size_t OffsetOf(size_t character) const;

 private:
  friend class TextBuilder;
  std::string bytes_;
  std::vector<ByteRange> user_;
  size_t length_ = 0;
};

// Collects text up to a limit; what does not fit any more is dropped and overflowed() says so.
class TextBuilder {
 public:
  explicit TextBuilder(size_t max_bytes) : max_bytes_(max_bytes) {}

  void Append(std::string_view bytes, Origin origin = Origin::kTemplate);
  void Append(char byte, Origin origin = Origin::kTemplate) {
    Append(std::string_view(&byte, 1), origin);
  }
  void AppendChar(uint32_t code, Origin origin);
  void Append(const Text& text) { AppendSlice(text, 0, text.size()); }
  // Bytes [begin, end) of text.
  void AppendSlice(const Text& text, size_t begin, size_t end);
  void Repeat(const Text& text, uint64_t times);

  size_t size() const { return text_.bytes_.size(); }
  size_t max_bytes() const { return max_bytes_; }
  bool overflowed() const { return overflowed_; }
  Text Finish() &&;

 private:
  bool Fits(size_t more);
  void MarkUser(size_t begin, size_t end);

  Text text_;
  size_t max_bytes_;
  bool overflowed_ = false;
};

// Walks a text's characters with their origins.
class CharReader {
 public:
  explicit CharReader(const Text& text) : text_(&text) {}
  bool Done() const { return at_ >= text_->size(); }
  size_t at() const { return at_; }
  uint32_t Next();                           // moves on by one character
  Origin origin() const { return origin_; }  // of the character that Next returned

 private:
  const Text* text_;
  size_t at_ = 0;
  size_t range_ = 0;
  Origin origin_ = Origin::kTemplate;
};

// The first place of needle in haystack at or after from, or npos; linear time.
size_t FindBytes(std::string_view haystack, std::string_view needle, size_t from = 0);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_TEXT_H_
