#include "text/gotemplate/go_functions.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/clock.h"
#include "core/strings.h"
#include "text/jinja/number.h"
#include "text/jinja/ops.h"
#include "text/jinja/unicode.h"

namespace ingot::text {
namespace {

using jinja::Int;
using jinja::Kind;
using jinja::Value;
using Result = core::Result<Value>;

core::Status Wrong(std::string_view function, std::string_view what, const Value& value) {
  return core::InvalidArgument(core::StrCat(function, ": ", what, " ", TypeName(value)));
}

Result And(const GoCall& call) { return call.arguments.back(); }
Result Or(const GoCall& call) { return call.arguments.back(); }
Result Not(const GoCall& call) { return Value::Bool(!Truth(call.arguments[0])); }

// eq a b c: a equals b or c.
Result Eq(const GoCall& call) {
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    INGOT_ASSIGN(bool equal, jinja::EqualWithin(call.heap, call.arguments[0], call.arguments[i]));
    if (equal) return Value::Bool(true);
  }
  return Value::Bool(false);
}

Result Ne(const GoCall& call) {
  INGOT_ASSIGN(bool equal, jinja::EqualWithin(call.heap, call.arguments[0], call.arguments[1]));
  return Value::Bool(!equal);
}

template <jinja::CompareOp kOp>
Result Order(const GoCall& call) {
  const Value& a = call.arguments[0];
  const Value& b = call.arguments[1];
  const bool comparable = (a.is_number() && b.is_number()) || (a.is_string() && b.is_string());
  if (!comparable) return Wrong("comparison", "incompatible types for", a);
  INGOT_ASSIGN(bool holds, jinja::Compare(call.heap, kOp, a, b));
  return Value::Bool(holds);
}

Result Len(const GoCall& call) {
  const Value& value = call.arguments[0];
  if (value.is_string()) return Value::Of(static_cast<Int>(value.text().size()));
  if (!value.is(Kind::kList) && !value.is(Kind::kDict)) return Wrong("len", "no length of", value);
  INGOT_ASSIGN(Int length, jinja::Length(value));
  return Value::Of(length);
}

Result Index(const GoCall& call) {
  Value value = call.arguments[0];
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    const Value& key = call.arguments[i];
    if (value.is(Kind::kDict)) {
      if (!key.is_string()) return Wrong("index", "a map cannot be indexed with", key);
      const Value* found = value.dict().Find(key.view());
      value = found != nullptr ? *found : Value::None();
      continue;
    }
    if (!value.is(Kind::kList)) return Wrong("index", "cannot index", value);
    if (!key.is_integer()) return Wrong("index", "a list cannot be indexed with", key);
    const auto& items = value.items();
    if (key.integer() < 0 || key.integer() >= static_cast<Int>(items.size())) {
      return core::InvalidArgument(
          core::StrCat("index: out of range: ", jinja::IntText(key.integer())));
    }
    value = Value(items[static_cast<size_t>(key.integer())]);
  }
  return value;
}

// slice x 1 2: bytes of a string, elements of a list.
Result Slice(const GoCall& call) {
  const Value& value = call.arguments[0];
  const bool text = value.is_string();
  if (!text && !value.is(Kind::kList)) return Wrong("slice", "cannot slice", value);
  const auto size = static_cast<Int>(text ? value.text().size() : value.items().size());
  Int bounds[2] = {0, size};
  for (size_t i = 1; i < call.arguments.size(); ++i) {
    const Value& bound = call.arguments[i];
    if (!bound.is_integer()) return Wrong("slice", "a bound cannot be", bound);
    bounds[i - 1] = bound.integer();
  }
  if (bounds[0] < 0 || bounds[0] > bounds[1] || bounds[1] > size) {
    return core::InvalidArgument("slice: bounds out of range");
  }
  const auto begin = static_cast<size_t>(bounds[0]);
  const auto end = static_cast<size_t>(bounds[1]);
  if (!text) {
    const auto& items = value.items();
    return call.heap.List({items.begin() + static_cast<ptrdiff_t>(begin),
                           items.begin() + static_cast<ptrdiff_t>(end)});
  }
  for (size_t at : {begin, end}) {
    if (at < value.text().size() && (value.view()[at] & 0xc0) == 0x80) {
      return core::InvalidArgument("slice: a bound lies inside a character");
    }
  }
  return call.heap.Slice(value, begin, end);
}

Result Json(const GoCall& call) {
  jinja::TextBuilder out = call.heap.NewText();
  INGOT_TRY(AppendGoJson(call.heap, out, call.arguments[0]));
  return call.heap.String(std::move(out));
}

// Operands that are not text stand apart from each other.
Result Print(const GoCall& call) {
  jinja::TextBuilder out = call.heap.NewText();
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    const bool apart =
        i > 0 && !call.arguments[i].is_string() && !call.arguments[i - 1].is_string();
    if (apart) out.Append(" ");
    INGOT_TRY(AppendGoText(call.heap, out, call.arguments[i]));
  }
  return call.heap.String(std::move(out));
}

Result PrintLine(const GoCall& call) {
  jinja::TextBuilder out = call.heap.NewText();
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    if (i > 0) out.Append(" ");
    INGOT_TRY(AppendGoText(call.heap, out, call.arguments[i]));
  }
  out.Append("\n");
  return call.heap.String(std::move(out));
}

// %s, %v, %d, %q and %%, without flags.
Result PrintFormatted(const GoCall& call) {
  if (!call.arguments[0].is_string())
    return Wrong("printf", "the format cannot be", call.arguments[0]);
  const jinja::Text& format = call.arguments[0].text();
  const std::string_view view = format.view();
  jinja::TextBuilder out = call.heap.NewText();
  size_t used = 1;
  for (size_t at = 0; at < view.size();) {
    const size_t percent = std::min(view.find('%', at), view.size());
    out.AppendSlice(format, at, percent);
    if (percent == view.size()) break;
    const char verb = percent + 1 < view.size() ? view[percent + 1] : '\0';
    at = percent + 2;
    if (verb == '%') {
      out.Append("%");
      continue;
    }
    if (verb != 's' && verb != 'v' && verb != 'd' && verb != 'q') {
      return core::Unsupported(core::StrCat(
          "printf: the verb ", core::Quoted(view.substr(percent, 2)), " is not supported"));
    }
    if (used >= call.arguments.size()) return core::InvalidArgument("printf: too few arguments");
    const Value& value = call.arguments[used++];
    if (verb == 'd' && !value.is_integer()) return Wrong("printf", "%d takes no", value);
    if (verb == 'q') {
      INGOT_TRY(AppendGoJson(call.heap, out, value));
    } else {
      INGOT_TRY(AppendGoText(call.heap, out, value));
    }
  }
  if (used < call.arguments.size()) return core::InvalidArgument("printf: too many arguments");
  return call.heap.String(std::move(out));
}

Result CurrentDate(const GoCall& call) {
  return call.heap.String(core::Rfc3339(call.wall_ns).substr(0, 10));
}
Result YesterdayDate(const GoCall& call) {
  constexpr int64_t kDay = int64_t{86'400} * 1'000'000'000;
  return call.heap.String(core::Rfc3339(call.wall_ns - kDay).substr(0, 10));
}

constexpr GoFunction kFunctions[] = {
    {"and", 1, -1, true, And},
    {"or", 1, -1, true, Or},
    {"not", 1, 1, false, Not},
    {"eq", 2, -1, false, Eq},
    {"ne", 2, 2, false, Ne},
    {"lt", 2, 2, false, Order<jinja::CompareOp::kLt>},
    {"le", 2, 2, false, Order<jinja::CompareOp::kLe>},
    {"gt", 2, 2, false, Order<jinja::CompareOp::kGt>},
    {"ge", 2, 2, false, Order<jinja::CompareOp::kGe>},
    {"len", 1, 1, false, Len},
    {"index", 1, -1, false, Index},
    {"slice", 1, 3, false, Slice},
    {"json", 1, 1, false, Json},
    {"print", 0, -1, false, Print},
    {"println", 0, -1, false, PrintLine},
    {"printf", 1, -1, false, PrintFormatted},
    {"currentDate", 0, 0, false, CurrentDate},
    {"yesterdayDate", 0, 0, false, YesterdayDate},
};

class JsonWriter {
 public:
  explicit JsonWriter(jinja::TextBuilder& out) : out_(out) {}

  core::Status Write(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone:
        out_.Append("null");
        return {};
      case Kind::kBool:
        out_.Append(value.boolean() ? "true" : "false");
        return {};
      case Kind::kInt:
        out_.Append(jinja::IntText(value.integer()));
        return {};
      case Kind::kFloat:
        return Real(value.real());
      case Kind::kString:
        Text(value.text());
        return {};
      case Kind::kList: {
        out_.Append("[");
        bool first = true;
        for (const Value& item : value.items()) {
          if (!first) out_.Append(",");
          first = false;
          INGOT_TRY(Write(item));
        }
        out_.Append("]");
        return {};
      }
      case Kind::kDict: {
        if (const Value* json = value.dict().Find(kGoJsonKey)) return Write(*json);
        out_.Append("{");
        bool first = true;
        for (const auto& [key, item] : value.dict().entries()) {
          if (!first) out_.Append(",");
          first = false;
          Text(key.text());
          out_.Append(":");
          INGOT_TRY(Write(item));
        }
        out_.Append("}");
        return {};
      }
      default:
        return core::InvalidArgument(core::StrCat("json: unsupported type ", TypeName(value)));
    }
  }

 private:
  // Exponents only for what is very large or small, and whole numbers without a point.
  core::Status Real(double value) {
    if (!std::isfinite(value)) return core::InvalidArgument("json: unsupported value");
    const double magnitude = std::abs(value);
    std::string text;
    if (magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21)) {
      text = jinja::FloatText(value);
      if (const size_t zero = text.find("e-0"); zero != std::string_view::npos)
        text.erase(zero + 2, 1);
    } else {
      core::AppendPiece(text, value);
      if (text.find('e') != std::string_view::npos) {
        char buffer[64];
        std::snprintf(buffer, sizeof buffer, "%.0f", value);
        text = buffer;
      }
    }
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    out_.Append(text);
    return {};
  }

  void Text(const jinja::Text& text) {
    const std::string_view view = text.view();
    out_.Append("\"");
    size_t run = 0;
    for (size_t at = 0; at < view.size();) {
      const jinja::Utf8Char c = jinja::DecodeUtf8(view, at);
      char escape[8] = "";
      if (c.code == '"' || c.code == '\\') {
        std::snprintf(escape, sizeof escape, "\\%c", static_cast<char>(c.code));
      } else if (const size_t which =
                     std::string_view("\b\f\n\r\t").find(static_cast<char>(c.code));
                 c.code < 0x20 && which != std::string_view::npos) {
        std::snprintf(escape, sizeof escape, "\\%c", "bfnrt"[which]);
      } else if (c.code < 0x20 || c.code == '<' || c.code == '>' || c.code == '&' ||
                 c.code == 0x2028 || c.code == 0x2029) {
        std::snprintf(escape, sizeof escape, "\\u%04x", c.code);
      }
      if (escape[0] != 0) {
        out_.AppendSlice(text, run, at);
        out_.Append(escape, text.OriginAt(at));
        run = at + c.size;
      }
      at += c.size;
    }
    out_.AppendSlice(text, run, view.size());
    out_.Append("\"");
  }

  jinja::TextBuilder& out_;
};

}  // namespace

const GoFunction* FindGoFunction(std::string_view name) {
  const auto found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                                  [&](const GoFunction& f) { return f.name == name; });
  return found != std::end(kFunctions) ? found : nullptr;
}

core::Status AppendGoJson(jinja::Heap& heap, jinja::TextBuilder& out, const Value& value) {
  INGOT_TRY(heap.Charge(Weight(value)));
  return JsonWriter(out).Write(value);
}

core::Status AppendGoText(jinja::Heap& heap, jinja::TextBuilder& out, const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNone:
      out.Append("<no value>");
      return {};
    case Kind::kString:
      out.Append(value.text());
      return heap.meter().ChargeBytes(value.text().size());
    default:
      return AppendGoJson(heap, out, value);
  }
}

}  // namespace ingot::text
