// "{} {name.attr[0]!r:>5}".format(...): replacement fields, found and filled.
#include "core/strings.h"
#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/number.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/string_ops.h"

namespace ingot::text::jinja {
namespace {

class FieldFormatter {
 public:
  FieldFormatter(Heap& heap, bool markup, const std::vector<Value>& positional, const Value& named)
      : heap_(heap), markup_(markup), positional_(positional), named_(named) {}

  // Specs may hold fields themselves, one level deep.
  core::Status Format(TextBuilder& out, const Text& text, size_t begin, size_t end, int levels) {
    if (levels < 0) return TypeError("Max string recursion exceeded");
    std::string_view view = text.view();
    size_t run = begin;
    for (size_t at = begin; at < end; ++at) {
      char c = view[at];
      if (c != '{' && c != '}') continue;
      INGOT_TRY(heap_.Charge(1));
      if (at + 1 < end && view[at + 1] == c) {
        out.AppendSlice(text, run, at + 1);
        run = at + 2;
        ++at;
        continue;
      }
      if (c == '}') return TypeError("Single '}' encountered in format string");
      out.AppendSlice(text, run, at);
      size_t close = at + 1;
      for (int open = 1; close < end; ++close) {
        if (view[close] == '{') ++open;
        if (view[close] == '}' && --open == 0) break;
      }
      if (close >= end) return TypeError("expected '}' before end of string");
      INGOT_TRY(Field(out, text, at + 1, close, levels));
      run = close + 1;
      at = close;
    }
    out.AppendSlice(text, run, end);
    return {};
  }

 private:
  core::Status Field(TextBuilder& out, const Text& text, size_t begin, size_t end, int levels) {
    std::string_view view = text.view();
    size_t name_end = begin;
    bool in_brackets = false;
    for (; name_end < end; ++name_end) {
      char c = view[name_end];
      if (c == '{') return TypeError("unexpected '{' in field name");
      if (c == '[') in_brackets = true;
      if (c == ']') in_brackets = false;
      if (!in_brackets && (c == ':' || c == '!')) break;
    }
    size_t at = name_end;
    char conversion = 0;
    if (at < end && view[at] == '!') {
      if (at + 1 >= end) return TypeError("end of string while looking for conversion specifier");
      conversion = view[at + 1];
      at += 2;
      if (at < end && view[at] != ':') return TypeError("expected ':' after conversion specifier");
    }
    size_t spec_begin = at < end ? at + 1 : end;
    INGOT_ASSIGN(Value value, Look(view.substr(begin, name_end - begin)));
    if (conversion == 'r') {
      INGOT_ASSIGN(value, ToRepr(heap_, value));
    } else if (conversion == 's') {
      INGOT_ASSIGN(value, ToStr(heap_, value));
    } else if (conversion != 0) {
      return core::Unsupported(core::StrCat("the conversion !",
                                            core::Printable(std::string_view(&conversion, 1)),
                                            " is not supported"));
    }
    TextBuilder spec = heap_.NewText();
    INGOT_TRY(Format(spec, text, spec_begin, end, levels - 1));
    Text spec_text = std::move(spec).Finish();
    if (!markup_) return AppendFormatted(heap_, out, value, spec_text);
    if (value.markup() && !spec_text.empty()) {
      return TypeError("unsupported format specification for Markup");
    }
    TextBuilder field = heap_.NewText();
    INGOT_TRY(AppendFormatted(heap_, field, value, spec_text));
    INGOT_ASSIGN(Value done, heap_.String(std::move(field), value.markup()));
    INGOT_ASSIGN(done, Escape(heap_, done));
    out.Append(done.text());
    return {};
  }

  // first.attribute[index]…
  core::Result<Value> Look(std::string_view name) {
    size_t first = std::min(name.find_first_of(".["), name.size());
    INGOT_ASSIGN(Value value, First(name.substr(0, first), name));
    for (size_t at = first; at < name.size();) {
      if (name[at] == '.') {
        size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) return TypeError("Empty attribute in format string");
        INGOT_ASSIGN(value, GetAttribute(heap_, value, name.substr(at + 1, end - at - 1)));
        at = end;
      } else if (name[at] == '[') {
        size_t end = name.find(']', at);
        if (end == std::string_view::npos) return TypeError("Missing ']' in format string");
        std::string_view index = name.substr(at + 1, end - at - 1);
        if (index.empty()) return TypeError("Empty attribute in format string");
        INGOT_ASSIGN(Value key, Key(index));
        INGOT_ASSIGN(value, GetItem(heap_, value, key));
        at = end + 1;
      } else {
        return TypeError("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  core::Result<Value> Key(std::string_view index) {
    if (index.find_first_not_of("0123456789") != std::string_view::npos) return heap_.String(index);
    std::optional<Int> number = ParseInt(index);
    if (!number.has_value()) return TypeError("Too many decimal digits in format string");
    return Value::Of(*number);
  }

  core::Result<Value> First(std::string_view key, std::string_view whole) {
    bool automatic = whole.empty();
    bool number = !key.empty() && key.find_first_not_of("0123456789") == std::string_view::npos;
    if (automatic || number) {
      if (numbering_ != 0 && numbering_ != (automatic ? 'a' : 'm')) {
        return TypeError(
            "cannot switch between manual field specification and automatic numbering");
      }
      numbering_ = automatic ? 'a' : 'm';
      std::optional<Int> index = automatic ? static_cast<Int>(next_++) : ParseInt(key);
      if (!index.has_value() || *index >= static_cast<Int>(positional_.size())) {
        return TypeError("Replacement index out of range for positional args tuple");
      }
      return positional_[static_cast<size_t>(*index)];
    }
    if (named_.is(Kind::kDict)) {
      if (const Value* found = named_.dict().Find(key)) return *found;
    }
    return TypeError(core::StrCat("KeyError: ", core::Quoted(key, 60)));
  }

  Heap& heap_;
  bool markup_;
  const std::vector<Value>& positional_;
  const Value& named_;
  size_t next_ = 0;
  char numbering_ = 0;
};

}  // namespace

core::Result<Value> StrFormat(Heap& heap, const Value& format, const std::vector<Value>& positional,
                              const Value& named) {
  TextBuilder out = heap.NewText();
  FieldFormatter formatter(heap, format.markup(), positional, named);
  INGOT_TRY(formatter.Format(out, format.text(), 0, format.text().size(), 2));
  return heap.String(std::move(out), format.markup());
}

}  // namespace ingot::text::jinja
