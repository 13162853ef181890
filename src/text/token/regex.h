// A compiled pattern of a tokenizer: Oniguruma's language (regex_translate.h), run by PCRE2 with
// its JIT compiler where there is one, under limits on matching steps and memory.
//
// A Regex is immutable and may be used by any number of threads; a RegexScratch belongs to one.
#ifndef INGOT_TEXT_TOKEN_REGEX_H_
#define INGOT_TEXT_TOKEN_REGEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/status.h"
#include "core/thread_pool.h"

namespace ingot::text {

// Working memory of matching, made at first use.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(RegexScratch&&) noexcept;
  RegexScratch& operator=(RegexScratch&&) noexcept;

 private:
  friend class Regex;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Regex {
 public:
  static core::Result<Regex> Compile(std::string_view pattern);
  // Matches exactly this text.
  static core::Result<Regex> Literal(std::string_view text);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Calls visit(begin, end) for each match in order, and once more with begin == end == the size
  // of text is NOT made: callers see the rest themselves. Matches do not overlap; an empty match
  // where the last one ended is passed over. visit returns a status, and an error ends the search.
  // kExhausted when the pattern needs more steps than its limit on this text.
  core::Status Find(std::string_view text, RegexScratch& scratch,
                    core::FunctionRef<core::Status(size_t begin, size_t end)> visit) const;

  const std::string& pattern() const;  // as it was given

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_REGEX_H_
