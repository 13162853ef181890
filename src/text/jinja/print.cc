#include "text/jinja/print.h"

#include <cstdio>

#include "core/strings.h"
#include "text/jinja/ast.h"
#include "text/jinja/number.h"
#include "text/jinja/objects.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

void AppendQuoted(TextBuilder& out, const Text& text) {
  std::string_view view = text.view();
  bool single = view.find('\'') != std::string_view::npos;
  bool twice = view.find('"') != std::string_view::npos;
  const uint32_t quote = single && !twice ? uint32_t{'"'} : uint32_t{'\''};
  out.AppendChar(quote, Origin::kTemplate);
  size_t run = 0;  // start of what can be copied as it is
  for (size_t at = 0; at < view.size();) {
    Utf8Char c = DecodeUtf8(view, at);
    char escape[16] = "";
    if (c.code == quote || c.code == '\\') {
      std::snprintf(escape, sizeof escape, "\\%c", static_cast<char>(c.code));
    } else if (c.code == '\n' || c.code == '\r' || c.code == '\t') {
      std::snprintf(escape, sizeof escape, "\\%c",
                    c.code == '\n'   ? 'n'
                    : c.code == '\r' ? 'r'
                                     : 't');
    } else if (!IsPrintable(c.code)) {
      const char* format = c.code < 0x100 ? "\\x%02x" : c.code < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(escape, sizeof escape, format, c.code);
    }
    if (escape[0] != 0) {
      out.AppendSlice(text, run, at);
      out.Append(escape, text.OriginAt(at));
      run = at + c.size;
    }
    at += c.size;
  }
  out.AppendSlice(text, run, view.size());
  out.AppendChar(quote, Origin::kTemplate);
}

class Printer {
 public:
  Printer(Heap& heap, TextBuilder& out) : heap_(heap), out_(out) {}

  core::Status Repr(const Value& value) {
    switch (value.kind()) {
      case Kind::kString:
        if (value.markup()) out_.Append("Markup(");
        AppendQuoted(out_, value.text());
        if (value.markup()) out_.Append(")");
        return {};
      case Kind::kUndefined:
        out_.Append("Undefined");
        return {};
      case Kind::kList:
        return Elements("[", value.items(), "]");
      case Kind::kTuple:
        return Elements("(", value.items(), value.items().size() == 1 ? ",)" : ")");
      case Kind::kDict:
        return Entries(value.dict().entries(), ViewKind::kItems, "{", "}");
      case Kind::kRange:
        return Range(value.range());
      case Kind::kView:
        return View(value.as<ViewObject>());
      case Kind::kNamespace:
        return Namespace(value.as<NamespaceObject>());
      case Kind::kMacro:
        return Macro(value.as<MacroObject>().node);
      default:
        return Plain(value);
    }
  }

  core::Status Plain(const Value& value) {
    switch (value.kind()) {
      case Kind::kUndefined:
      case Kind::kMissing:
        return {};
      case Kind::kNone:
        out_.Append("None");
        return {};
      case Kind::kBool:
        out_.Append(value.boolean() ? "True" : "False");
        return {};
      case Kind::kInt:
        out_.Append(IntText(value.integer()));
        return {};
      case Kind::kFloat:
        out_.Append(FloatText(value.real()));
        return {};
      default:
        // Python prints these with their address in memory.
        return core::Unsupported(
            core::StrCat("printing a value of type '", TypeName(value), "' is not supported"));
    }
  }

 private:
  core::Status Elements(std::string_view open, const std::vector<Value>& items,
                        std::string_view close) {
    out_.Append(open);
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(", ");
      INGOT_TRY(Repr(items[i]));
    }
    out_.Append(close);
    return {};
  }

  core::Status Entries(const std::vector<DictObject::Entry>& entries, ViewKind kind,
                       std::string_view open, std::string_view close) {
    out_.Append(open);
    bool first = true;
    for (const auto& [key, value] : entries) {
      if (!first) out_.Append(", ");
      first = false;
      if (kind != ViewKind::kValues) INGOT_TRY(Repr(key));
      if (kind == ViewKind::kItems) out_.Append(": ");
      if (kind != ViewKind::kKeys) INGOT_TRY(Repr(value));
    }
    out_.Append(close);
    return {};
  }

  core::Status Range(const RangeObject& range) {
    out_.Append(core::StrCat("range(", IntText(range.start), ", ", IntText(range.stop)));
    if (range.step != 1) out_.Append(core::StrCat(", ", IntText(range.step)));
    out_.Append(")");
    return {};
  }

  core::Status View(const ViewObject& view) {
    const auto& entries = view.dict.dict().entries();
    if (view.kind == ViewKind::kKeys) return Entries(entries, view.kind, "dict_keys([", "])");
    if (view.kind == ViewKind::kValues) return Entries(entries, view.kind, "dict_values([", "])");
    out_.Append("dict_items([");
    for (size_t i = 0; i < entries.size(); ++i) {
      out_.Append(i > 0 ? ", (" : "(");
      INGOT_TRY(Repr(entries[i].first));
      out_.Append(", ");
      INGOT_TRY(Repr(entries[i].second));
      out_.Append(")");
    }
    out_.Append("])");
    return {};
  }

  core::Status Macro(const MacroNode& macro) {
    out_.Append("<Macro ");
    if (macro.name.empty()) {
      out_.Append("anonymous");
    } else {
      AppendQuoted(out_, Text(macro.name));
    }
    out_.Append(">");
    return {};
  }

  core::Status Namespace(const NamespaceObject& object) {
    // A namespace may hold itself.
    if (!heap_.meter().Enter()) return core::Exhausted("a namespace nests too deep to print");
    INGOT_TRY(heap_.Charge(object.attributes.size() + 1));
    core::Status status = Entries(object.attributes, ViewKind::kItems, "<Namespace {", "}>");
    heap_.meter().Leave();
    return status;
  }

  Heap& heap_;
  TextBuilder& out_;
};

}  // namespace

core::Status AppendStr(Heap& heap, TextBuilder& out, const Value& value) {
  if (value.is_string()) {
    out.Append(value.text());
    return heap.meter().ChargeBytes(value.text().size());
  }
  if (value.undefined()) return {};
  return AppendRepr(heap, out, value);
}

core::Status AppendRepr(Heap& heap, TextBuilder& out, const Value& value) {
  INGOT_TRY(heap.Charge(Weight(value)));
  return Printer(heap, out).Repr(value);
}

core::Result<Value> ToStr(Heap& heap, const Value& value, bool soft) {
  if (value.is_string()) return soft ? value : value.WithMarkup(false);
  TextBuilder out = heap.NewText();
  INGOT_TRY(AppendStr(heap, out, value));
  return heap.String(std::move(out));
}

core::Result<Value> ToRepr(Heap& heap, const Value& value) {
  TextBuilder out = heap.NewText();
  INGOT_TRY(AppendRepr(heap, out, value));
  return heap.String(std::move(out));
}

core::Result<Value> Escape(Heap& heap, const Value& value) {
  if (value.markup()) return value;
  INGOT_ASSIGN(Value text, ToStr(heap, value));
  const Text& from = text.text();
  std::string_view view = from.view();
  if (view.find_first_of("&<>'\"") == std::string_view::npos) return text.WithMarkup(true);
  TextBuilder out = heap.NewText();
  for (size_t at = 0; at < view.size();) {
    size_t next = std::min(view.find_first_of("&<>'\"", at), view.size());
    out.AppendSlice(from, at, next);
    if (next == view.size()) break;
    std::string_view entity;
    switch (view[next]) {
      case '&':
        entity = "&amp;";
        break;
      case '<':
        entity = "&lt;";
        break;
      case '>':
        entity = "&gt;";
        break;
      case '\'':
        entity = "&#39;";
        break;
      default:
        entity = "&#34;";
    }
    out.Append(entity, from.OriginAt(next));
    at = next + 1;
  }
  return heap.String(std::move(out), true);
}

}  // namespace ingot::text::jinja
