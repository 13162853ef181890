// Functions that every template can call.
#include <time.h>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

Result Range(Runtime& rt, const Value&, const Args& args) {
  if (!args.named.empty()) return TypeError("range() takes no keyword arguments");
  size_t count = args.positional.size();
  if (count < 1 || count > 3) return TypeError("range() takes 1 to 3 arguments");
  Int numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < count; ++i) {
    INGOT_ASSIGN(numbers[count == 1 ? 1 : i], IntArgument(args.positional[i], 0));
  }
  return rt.heap().Range(numbers[0], numbers[1], numbers[2]);
}

// dict(mapping or pairs, name=value, …).
core::Result<std::vector<DictObject::Entry>> Entries(Heap& heap, const Args& args) {
  std::vector<DictObject::Entry> entries;
  if (args.positional.size() > 1) return TypeError("dict expected at most 1 argument");
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    if (from.is(Kind::kDict)) {
      INGOT_TRY(heap.Charge(from.dict().size()));
      entries = from.dict().entries();
    } else {
      INGOT_ASSIGN(std::vector<Value> pairs, Collect(heap, from));
      for (const Value& pair : pairs) {
        INGOT_ASSIGN(std::vector<Value> halves, Collect(heap, pair));
        if (halves.size() != 2) return TypeError("dictionary update sequence needs pairs");
        entries.emplace_back(std::move(halves[0]), std::move(halves[1]));
      }
    }
  }
  for (const auto& [name, value] : args.named) {
    INGOT_ASSIGN(Value key, heap.String(name));
    entries.emplace_back(std::move(key), value);
  }
  return entries;
}

Result Dict(Runtime& rt, const Value&, const Args& args) {
  INGOT_ASSIGN(auto entries, Entries(rt.heap(), args));
  return rt.heap().Dict(std::move(entries));
}

Result Namespace(Runtime& rt, const Value&, const Args& args) {
  INGOT_ASSIGN(Value dict, Dict(rt, {}, args));
  for (const auto& [key, value] : dict.dict().entries()) {
    if (!key.is_string()) return TypeError("attributes of a namespace must have names");
    if (key.view().starts_with('_')) {
      return TypeError("a namespace cannot have attributes that begin with _");
    }
  }
  return rt.heap().Namespace(dict.dict().entries());
}

Result Cycler(Runtime& rt, const Value&, const Args& args) {
  if (!args.named.empty()) return TypeError("cycler() takes no keyword arguments");
  if (args.positional.empty()) return TypeError("at least one item has to be provided");
  return rt.heap().Other(Kind::kCycler, std::make_shared<CyclerObject>(args.positional));
}

Result Joiner(Runtime& rt, const Value&, const Args& args) {
  Value separator = args.positional[0].missing() ? Value::String(", ") : args.positional[0];
  return rt.heap().Other(Kind::kJoiner, std::make_shared<JoinerObject>(std::move(separator)));
}

Result RaiseException(Runtime& rt, const Value&, const Args& args) {
  INGOT_ASSIGN(Value message, ToStr(rt.heap(), args.positional[0]));
  return core::InvalidArgument(std::string(message.view().substr(0, 4096)));
}

Result StrftimeNow(Runtime& rt, const Value&, const Args& args) {
  INGOT_ASSIGN(Value format, TextArgument(args.positional[0], "strftime() argument 1"));
  if (format.text().size() > 1000) return core::Exhausted("a time format is too long");
  auto seconds = static_cast<time_t>(rt.wall_ns() / 1'000'000'000);
  auto micros = static_cast<long>(rt.wall_ns() / 1000 % 1'000'000);
  std::string pattern;
  for (size_t i = 0; i < format.view().size(); ++i) {
    // The C library has no fractions of a second.
    bool fraction = format.view().substr(i).starts_with("%f");
    if (fraction) {
      std::string digits = std::to_string(1'000'000 + micros).substr(1);
      pattern += digits;
      ++i;
      continue;
    }
    pattern.push_back(format.view()[i]);
    if (format.view()[i] == '%' && i + 1 < format.view().size()) {
      pattern.push_back(format.view()[++i]);
    }
  }
  pattern.push_back(' ');  // so that an empty result can be told from one that does not fit
  struct tm local = {};
  localtime_r(&seconds, &local);
  char buffer[4096];
  size_t size = strftime(buffer, sizeof buffer, pattern.c_str(), &local);
  if (size == 0) return core::Exhausted("a formatted time is too long");
  return rt.heap().String(ValidUtf8(std::string_view(buffer, size - 1)));
}

Result Lipsum(Runtime&, const Value&, const Args&) {
  return core::Unsupported("the function lipsum is not supported");
}

constexpr NativeDef kGlobals[] = {
    {"range", "", -1, Range},
    {"dict", "", -1, Dict},
    {"namespace", "", -1, Namespace},
    {"cycler", "", -1, Cycler},
    {"joiner", "sep", 0, Joiner},
    {"raise_exception", "message", 1, RaiseException},
    {"strftime_now", "format", 1, StrftimeNow},
    {"lipsum", "", -1, Lipsum},
};

}  // namespace

const NativeDef* FindGlobal(std::string_view name) { return FindIn(kGlobals, name); }

}  // namespace ingot::text::jinja
