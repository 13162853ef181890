#include "text/jinja/string_ops.h"

#include <algorithm>

#include "core/strings.h"
#include "text/jinja/ops.h"
#include "text/jinja/print.h"

namespace ingot::text::jinja {
namespace {

bool IsCased(uint32_t c) { return IsLower(c) || IsUpper(c) || IsTitle(c); }

bool IsLineEnd(uint32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

// Python's lower case knows that a sigma at the end of a word looks different.
CaseChars LowerAt(const Text& text, size_t at, uint32_t c) {
  if (c == 0x3a3) return {IsFinalSigma(text.view(), at) ? 0x3c2u : 0x3c3u, 0, 0};
  return ToLower(c);
}

// Both ends of the part of text that is left when characters of a set are taken off.
std::pair<size_t, size_t> StripBounds(std::string_view text, const Value& chars, Side side) {
  std::vector<uint32_t> set;
  bool space = chars.missing() || chars.none();
  if (!space) {
    for (size_t at = 0; at < chars.view().size();) {
      Utf8Char c = DecodeUtf8(chars.view(), at);
      set.push_back(c.code);
      at += c.size;
    }
    std::sort(set.begin(), set.end());
  }
  auto strips = [&](uint32_t c) {
    return space ? IsSpace(c) : std::binary_search(set.begin(), set.end(), c);
  };
  size_t begin = 0;
  size_t end = text.size();
  while (side != Side::kRight && begin < end) {
    Utf8Char c = DecodeUtf8(text, begin);
    if (!strips(c.code)) break;
    begin += c.size;
  }
  while (side != Side::kLeft && end > begin) {
    size_t last = PreviousChar(text, end);
    if (!strips(DecodeUtf8(text, last).code)) break;
    end = last;
  }
  return {begin, end};
}

core::Result<std::vector<Value>> SplitSpace(Heap& heap, const Value& text, Int limit,
                                            bool from_right) {
  std::vector<Value> parts;
  std::string_view view = text.view();
  auto [begin, end] = StripBounds(view, Value(), from_right ? Side::kRight : Side::kLeft);
  while (begin < end) {
    bool last = limit == 0;
    if (limit > 0) --limit;
    if (last) {
      // The rest, with whatever white space is at its inner end.
      INGOT_ASSIGN(Value part, heap.Slice(text, begin, end));
      parts.push_back(std::move(part));
      break;
    }
    size_t edge = from_right ? end : begin;
    if (from_right) {
      while (edge > begin) {
        size_t before = PreviousChar(view, edge);
        if (IsSpace(DecodeUtf8(view, before).code)) break;
        edge = before;
      }
      INGOT_ASSIGN(Value part, heap.Slice(text, edge, end));
      parts.push_back(std::move(part));
      end = StripBounds(view.substr(0, edge), Value(), Side::kRight).second;
    } else {
      while (edge < end) {
        Utf8Char c = DecodeUtf8(view, edge);
        if (IsSpace(c.code)) break;
        edge += c.size;
      }
      INGOT_ASSIGN(Value part, heap.Slice(text, begin, edge));
      parts.push_back(std::move(part));
      begin = edge + StripBounds(view.substr(edge), Value(), Side::kLeft).first;
    }
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

core::Result<std::vector<Value>> SplitAt(Heap& heap, const Value& text, std::string_view separator,
                                         Int limit, bool from_right) {
  std::vector<Value> parts;
  std::string_view view = text.view();
  size_t begin = 0;
  size_t end = view.size();
  for (; limit != 0; --limit) {
    size_t found = from_right ? (end >= separator.size() ? view.substr(0, end).rfind(separator)
                                                         : std::string_view::npos)
                              : FindBytes(view, separator, begin);
    if (from_right) {
      size_t scanned = end - (found == std::string_view::npos ? 0 : found);
      INGOT_TRY(heap.Charge(scanned * separator.size() / 64 + 1));
    }
    if (found == std::string_view::npos) break;
    INGOT_ASSIGN(Value part, from_right ? heap.Slice(text, found + separator.size(), end)
                                        : heap.Slice(text, begin, found));
    parts.push_back(std::move(part));
    if (from_right) {
      end = found;
    } else {
      begin = found + separator.size();
    }
  }
  INGOT_ASSIGN(Value rest, heap.Slice(text, begin, end));
  parts.push_back(std::move(rest));
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

core::Result<Value> ChangeCase(Heap& heap, const Value& value, Case to) {
  const Text& text = value.text();
  INGOT_TRY(heap.Charge(text.size() / 8 + 1));
  TextBuilder out = heap.NewText();
  CharReader reader(text);
  bool after_letter = false;
  while (!reader.Done()) {
    size_t at = reader.at();
    uint32_t c = reader.Next();
    CaseChars mapped{c, 0, 0};
    switch (to) {
      case Case::kUpper:
        mapped = ToUpper(c);
        break;
      case Case::kLower:
        mapped = LowerAt(text, at, c);
        break;
      case Case::kFold:
        mapped = ToFolded(c);
        break;
      case Case::kTitle:
        mapped = after_letter ? LowerAt(text, at, c) : ToTitle(c);
        after_letter = IsCased(c);
        break;
      case Case::kCapitalize:
        mapped = at == 0 ? ToTitle(c) : LowerAt(text, at, c);
        break;
      case Case::kSwap:
        if (IsUpper(c)) mapped = LowerAt(text, at, c);
        if (IsLower(c)) mapped = ToUpper(c);
        break;
    }
    for (uint32_t code : mapped) {
      if (code != 0 || code == c) out.AppendChar(code, reader.origin());
      if (code == 0) break;
    }
  }
  return heap.String(std::move(out), value.markup());
}

core::Result<Value> Strip(Heap& heap, const Value& text, const Value& chars, Side side) {
  if (!chars.missing() && !chars.none() && !chars.is_string()) {
    return chars.undefined() ? UndefinedError(chars) : TypeError("strip arg must be None or str");
  }
  INGOT_TRY(heap.meter().ChargeBytes(text.text().size()));
  auto [begin, end] = StripBounds(text.view(), chars, side);
  return heap.Slice(text, begin, end);
}

core::Result<Value> Replace(Heap& heap, const Value& value, const Value& from, const Value& to,
                            Int count) {
  const Text& text = value.text();
  std::string_view view = text.view();
  TextBuilder out = heap.NewText();
  size_t at = 0;
  if (from.text().empty()) {
    // Between all characters, and at both ends.
    INGOT_TRY(heap.Charge(text.size()));
    while (count != 0) {
      out.Append(to.text());
      if (count > 0) --count;
      if (at >= view.size()) break;
      size_t next = at + DecodeUtf8(view, at).size;
      out.AppendSlice(text, at, next);
      at = next;
    }
  } else {
    for (; count != 0; --count) {
      size_t found = FindBytes(view, from.view(), at);
      if (found == std::string_view::npos) break;
      out.AppendSlice(text, at, found);
      out.Append(to.text());
      at = found + from.text().size();
    }
    if (at == 0 && out.size() == 0) {
      INGOT_TRY(heap.meter().ChargeBytes(text.size()));
      return value;
    }
  }
  out.AppendSlice(text, at, view.size());
  return heap.String(std::move(out), value.markup());
}

core::Result<std::vector<Value>> SplitLines(Heap& heap, const Value& text, bool keep_ends) {
  std::vector<Value> lines;
  std::string_view view = text.view();
  INGOT_TRY(heap.Charge(view.size() / 8 + 1));
  size_t begin = 0;
  for (size_t at = 0; at < view.size();) {
    Utf8Char c = DecodeUtf8(view, at);
    if (!IsLineEnd(c.code)) {
      at += c.size;
      continue;
    }
    size_t next = at + c.size;
    if (c.code == '\r' && next < view.size() && view[next] == '\n') ++next;
    INGOT_ASSIGN(Value line, heap.Slice(text, begin, keep_ends ? next : at));
    lines.push_back(std::move(line));
    begin = at = next;
  }
  if (begin < view.size()) {
    INGOT_ASSIGN(Value line, heap.Slice(text, begin, view.size()));
    lines.push_back(std::move(line));
  }
  return lines;
}

core::Result<std::vector<Value>> SplitText(Heap& heap, const Value& text, const Value& separator,
                                           Int max_splits, bool from_right) {
  INGOT_TRY(heap.meter().ChargeBytes(text.text().size()));
  if (separator.missing() || separator.none()) {
    return SplitSpace(heap, text, max_splits, from_right);
  }
  if (separator.undefined()) return UndefinedError(separator);
  if (!separator.is_string()) {
    return TypeError(core::StrCat("must be str or None, not ", TypeName(separator)));
  }
  if (separator.text().empty()) return TypeError("empty separator");
  return SplitAt(heap, text, separator.view(), max_splits, from_right);
}

core::Result<Value> Center(Heap& heap, const Value& value, Int width, const Value& fill) {
  const Text& text = value.text();
  auto length = static_cast<Int>(text.length());
  if (width <= length) return value;
  if (width > Int{1} << 40) return core::Exhausted("the width is too large");
  Int margin = width - length;
  Int left = margin / 2 + (margin & width & 1);
  TextBuilder out = heap.NewText();
  out.Repeat(fill.text(), static_cast<uint64_t>(left));
  out.Append(text);
  out.Repeat(fill.text(), static_cast<uint64_t>(margin - left));
  return heap.String(std::move(out), value.markup());
}

core::Result<Value> JoinText(Heap& heap, const Value& separator, const std::vector<Value>& items) {
  TextBuilder out = heap.NewText();
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(separator.text());
    Value item = items[i];
    if (separator.markup()) {
      INGOT_ASSIGN(item, Escape(heap, items[i]));
    }
    if (!item.is_string()) {
      return TypeError(
          core::StrCat("sequence item ", i, ": expected str instance, ", TypeName(item), " found"));
    }
    out.Append(item.text());
  }
  return heap.String(std::move(out), separator.markup());
}

bool IsLowerText(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = DecodeUtf8(text, at);
    if (IsUpper(c.code) || IsTitle(c.code)) return false;
    any |= IsLower(c.code);
    at += c.size;
  }
  return any;
}

bool IsUpperText(std::string_view text) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    Utf8Char c = DecodeUtf8(text, at);
    if (IsLower(c.code) || IsTitle(c.code)) return false;
    any |= IsUpper(c.code);
    at += c.size;
  }
  return any;
}

}  // namespace ingot::text::jinja
