// A text on its way through normalizers, and, for those who ask, where each byte of it came from.
// Values; one thread at a time.
#ifndef INGOT_TEXT_TOKEN_NORMAL_TEXT_H_
#define INGOT_TEXT_TOKEN_NORMAL_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::text {

struct NormalText {
  std::string text;
  // With tracking: for each byte of text, the offset in the original text of the character that it
  // was made from. Inserted text belongs to the character before it, at the very start to offset 0.
  std::vector<uint32_t> source;
  bool tracked = false;
};

// Writes the next version of a text: runs of the old one kept, others replaced.
class Rewriter {
 public:
  explicit Rewriter(NormalText& target) : target_(target) {
    text_.reserve(target.text.size() + 16);
    if (target.tracked) source_.reserve(target.text.size() + 16);
  }

  void Keep(size_t begin, size_t end) {
    text_.append(target_.text, begin, end - begin);
    if (target_.tracked) {
      source_.insert(source_.end(), target_.source.begin() + static_cast<ptrdiff_t>(begin),
                     target_.source.begin() + static_cast<ptrdiff_t>(end));
    }
  }
  // bytes made from the character at `from` of the old version; kStart: from nothing, at offset 0.
  static constexpr size_t kStart = static_cast<size_t>(-1);
  void Put(std::string_view bytes, size_t from) {
    text_.append(bytes);
    if (target_.tracked) {
      source_.insert(source_.end(), bytes.size(), from == kStart ? 0 : target_.source[from]);
    }
  }
  void Commit() {
    target_.text.swap(text_);
    target_.source.swap(source_);
  }

 private:
  NormalText& target_;
  std::string text_;
  std::vector<uint32_t> source_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_NORMAL_TEXT_H_
