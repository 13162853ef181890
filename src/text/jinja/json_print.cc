// json.dumps, with the options that chat templates pass to tojson.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/strings.h"
#include "text/jinja/number.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

class JsonPrinter {
 public:
  JsonPrinter(Heap& heap, TextBuilder& out, const JsonStyle& style)
      : heap_(heap), out_(out), style_(style) {}

  core::Status Print(const Value& value, int level) {
    switch (value.kind()) {
      case Kind::kNone:
        out_.Append("null");
        return {};
      case Kind::kBool:
        out_.Append(value.boolean() ? "true" : "false");
        return {};
      case Kind::kInt:
        out_.Append(IntText(value.integer()));
        return {};
      case Kind::kFloat:
        out_.Append(Real(value.real()));
        return {};
      case Kind::kString:
        Quoted(value.text());
        return {};
      case Kind::kList:
      case Kind::kTuple:
        return Array(value.items(), level);
      case Kind::kDict:
        return Object(value.dict(), level);
      default:
        return core::InvalidArgument(
            core::StrCat("Object of type ", TypeName(value), " is not JSON serializable"));
    }
  }

 private:
  static std::string Real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return FloatText(value);
  }

  void NewLine(int level) {
    out_.Append("\n");
    for (int i = 0; i < level; ++i) out_.Append(style_.indent.text());
  }

  core::Status Array(const std::vector<Value>& items, int level) {
    out_.Append("[");
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator.text());
      if (style_.lines) NewLine(level + 1);
      INGOT_TRY(Print(items[i], level + 1));
    }
    if (style_.lines && !items.empty()) NewLine(level);
    out_.Append("]");
    return {};
  }

  core::Status Object(const DictObject& dict, int level) {
    std::vector<const DictObject::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) INGOT_TRY(Sort(entries));
    out_.Append("{");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator.text());
      if (style_.lines) NewLine(level + 1);
      INGOT_TRY(Key(entries[i]->first));
      out_.Append(style_.key_separator.text());
      INGOT_TRY(Print(entries[i]->second, level + 1));
    }
    if (style_.lines && !entries.empty()) NewLine(level);
    out_.Append("}");
    return {};
  }

  core::Status Sort(std::vector<const DictObject::Entry*>& entries) {
    for (size_t i = 1; i < entries.size(); ++i) {
      // Every pair must be comparable, as a sort would find out sooner or later.
      INGOT_TRY(Less(heap_, entries[i]->first, entries[0]->first).status());
    }
    std::stable_sort(entries.begin(), entries.end(), [&](const auto* a, const auto* b) {
      auto less = Less(heap_, a->first, b->first);
      return less.ok() && *less;
    });
    return {};
  }

  core::Status Key(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        Quoted(key.text());
        return {};
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        out_.Append("\"");
        INGOT_TRY(Print(key, 0));
        out_.Append("\"");
        return {};
      default:
        return core::InvalidArgument(
            core::StrCat("keys must be str, int, float, bool or None, not ", TypeName(key)));
    }
  }

  void Quoted(const Text& text) {
    std::string_view view = text.view();
    out_.Append("\"");
    size_t run = 0;
    for (size_t at = 0; at < view.size();) {
      auto byte = static_cast<uint8_t>(view[at]);
      if (byte >= 0x20 && byte != '"' && byte != '\\' && (byte < 0x80 || !style_.ascii)) {
        ++at;
        continue;
      }
      Utf8Char c = DecodeUtf8(view, at);
      out_.AppendSlice(text, run, at);
      out_.Append(EscapeOf(c.code), text.OriginAt(at));
      at += c.size;
      run = at;
    }
    out_.AppendSlice(text, run, view.size());
    out_.Append("\"");
  }

  static std::string EscapeOf(uint32_t code) {
    switch (code) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\b':
        return "\\b";
      case '\f':
        return "\\f";
      default:
        break;
    }
    char buffer[16];
    if (code < 0x10000) {
      std::snprintf(buffer, sizeof buffer, "\\u%04x", code);
    } else {
      code -= 0x10000;
      std::snprintf(buffer, sizeof buffer, "\\u%04x\\u%04x", 0xd800 + (code >> 10),
                    0xdc00 + (code & 0x3ff));
    }
    return buffer;
  }

  Heap& heap_;
  TextBuilder& out_;
  const JsonStyle& style_;
};

}  // namespace

core::Status AppendJson(Heap& heap, TextBuilder& out, const Value& value, const JsonStyle& style) {
  INGOT_TRY(heap.Charge(Weight(value)));
  return JsonPrinter(heap, out, style).Print(value, 0);
}

}  // namespace ingot::text::jinja
