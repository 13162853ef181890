#include "text/token/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "core/strings.h"
#include "text/token/regex_translate.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;
using core::StrCat;

namespace {

// A pattern that tokenizers use needs a few steps a character; one that needs more than this for a
// single match is an attack or a mistake.
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kHeapLimitKib = 64 << 10;
constexpr size_t kJitStackMin = 32 << 10;
constexpr size_t kJitStackMax = 8 << 20;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CodePtr = std::unique_ptr<pcre2_code, Freer<pcre2_code_free>>;
using DataPtr = std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>>;
using ContextPtr = std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>>;
using CompileContextPtr = std::unique_ptr<pcre2_compile_context, Freer<pcre2_compile_context_free>>;
using StackPtr = std::unique_ptr<pcre2_jit_stack, Freer<pcre2_jit_stack_free>>;

std::string ErrorText(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return std::string(reinterpret_cast<const char*>(buffer.data()));
}

PCRE2_SPTR Units(std::string_view text) {
  // An empty view may have no address, and PCRE2 wants one.
  return reinterpret_cast<PCRE2_SPTR>(text.data() == nullptr ? "" : text.data());
}

}  // namespace

struct Regex::Impl {
  std::string pattern;
  CodePtr code;
  bool jit = false;
};

struct RegexScratch::Impl {
  DataPtr data;
  ContextPtr context;
  StackPtr stack;
};

RegexScratch::RegexScratch() = default;
RegexScratch::~RegexScratch() = default;
RegexScratch::RegexScratch(RegexScratch&&) noexcept = default;
RegexScratch& RegexScratch::operator=(RegexScratch&&) noexcept = default;

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

const std::string& Regex::pattern() const { return impl_->pattern; }

Result<Regex> Regex::Compile(std::string_view pattern) {
  INGOT_ASSIGN(const std::string translated, TranslatePattern(pattern));
  const CompileContextPtr context(pcre2_compile_context_create(nullptr));
  if (!context) return core::Exhausted("no memory for a pattern");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE where = 0;
  CodePtr code(pcre2_compile(Units(translated), translated.size(),
                             PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                             &error, &where, context.get()));
  if (!code) {
    return core::InvalidArgument(
        StrCat("pattern ", core::Quoted(pattern), " does not compile: ", ErrorText(error)));
  }
  auto impl = std::make_unique<Impl>();
  impl->pattern = std::string(pattern);
  // Machines without the JIT run the same pattern by the interpreter.
  impl->jit = pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE) == 0;
  impl->code = std::move(code);
  return Regex(std::move(impl));
}

Result<Regex> Regex::Literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (static_cast<uint8_t>(c) < 0x80 &&
        std::string_view("\\.+*?()|[]{}^$#&-~").find(c) != std::string_view::npos) {
      escaped.push_back('\\');
    }
    escaped.push_back(c);
  }
  return Compile(escaped);
}

Status Regex::Find(std::string_view text, RegexScratch& scratch,
                   core::FunctionRef<Status(size_t, size_t)> visit) const {
  if (!scratch.impl_) {
    auto made = std::make_unique<RegexScratch::Impl>();
    made->data.reset(pcre2_match_data_create(1, nullptr));
    made->context.reset(pcre2_match_context_create(nullptr));
    made->stack.reset(pcre2_jit_stack_create(kJitStackMin, kJitStackMax, nullptr));
    if (!made->data || !made->context) return core::Exhausted("no memory for matching");
    pcre2_set_match_limit(made->context.get(), kMatchLimit);
    pcre2_set_heap_limit(made->context.get(), kHeapLimitKib);
    if (made->stack) pcre2_jit_stack_assign(made->context.get(), nullptr, made->stack.get());
    scratch.impl_ = std::move(made);
  }
  pcre2_match_data* const data = scratch.impl_->data.get();
  pcre2_match_context* const context = scratch.impl_->context.get();
  const PCRE2_SIZE* const bounds = pcre2_get_ovector_pointer(data);
  size_t at = 0;
  size_t last_end = std::string_view::npos;
  while (at <= text.size()) {
    int found = impl_->jit ? pcre2_jit_match(impl_->code.get(), Units(text), text.size(), at, 0,
                                             data, context)
                           : pcre2_match(impl_->code.get(), Units(text), text.size(), at,
                                         PCRE2_NO_UTF_CHECK, data, context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      found = pcre2_match(impl_->code.get(), Units(text), text.size(), at,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, context);
    }
    if (found == PCRE2_ERROR_NOMATCH) return Status::Ok();
    if (found < 0) {
      return core::Exhausted(StrCat("pattern ", core::Quoted(impl_->pattern), " at byte ", at,
                                    " of a text of ", text.size(), ": ", ErrorText(found)));
    }
    const size_t begin = bounds[0];
    const size_t end = bounds[1];
    // \K in a look-ahead could end a match before its start; such patterns are refused, but the
    // loop must go forward whatever the engine says.
    if (begin > end || begin < at) return core::Internal("a match that goes backwards");
    if (begin == end && begin == last_end) {
      if (at >= text.size()) return Status::Ok();
      at += Utf8Length(text[at]);
      continue;
    }
    INGOT_TRY(visit(begin, end));
    last_end = end;
    at = end;
  }
  return Status::Ok();
}

}  // namespace ingot::text
