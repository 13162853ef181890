// Methods of lists, tuples, dicts, numbers, ranges, loops and cyclers.
#include <algorithm>
#include <bit>
#include <cmath>

#include "text/jinja/arguments.h"
#include "text/jinja/builtins.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace ingot::text::jinja {
namespace {

using Result = core::Result<Value>;

Result CountItems(Runtime& rt, const Value& self, const Args& args) {
  Int count = 0;
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), self));
  for (const Value& item : items) {
    INGOT_ASSIGN(bool equal, EqualWithin(rt.heap(), item, args.positional[0]));
    count += equal ? 1 : 0;
  }
  return Value::Of(count);
}

Result IndexOf(Runtime& rt, const Value& self, const Args& args) {
  INGOT_ASSIGN(std::vector<Value> items, Collect(rt.heap(), self));
  auto length = static_cast<Int>(items.size());
  INGOT_ASSIGN(Int start, IntArgument(args.positional[1], 0));
  INGOT_ASSIGN(Int stop, IntArgument(args.positional[2], length));
  if (start < 0) start = std::max<Int>(start + length, 0);
  if (stop < 0) stop += length;
  for (Int i = start; i < std::min(stop, length); ++i) {
    INGOT_ASSIGN(bool equal,
                 EqualWithin(rt.heap(), items[static_cast<size_t>(i)], args.positional[0]));
    if (equal) return Value::Of(i);
  }
  return TypeError("the value is not in the list");
}

Result Copy(Runtime&, const Value& self, const Args&) { return self; }

Result Get(Runtime& rt, const Value& self, const Args& args) {
  const Value& key = args.positional[0];
  if (!Hashable(key)) return TypeError(core::StrCat("unhashable type: '", TypeName(key), "'"));
  INGOT_TRY(rt.heap().Charge(Weight(key)));
  if (const Value* found = self.dict().Find(key)) return *found;
  return args.positional[1].missing() ? Value::None() : args.positional[1];
}

template <ViewKind kView>
Result View(Runtime& rt, const Value& self, const Args&) {
  return rt.heap().Other(Kind::kView, std::make_shared<ViewObject>(self, kView));
}

Result FromKeys(Runtime& rt, const Value&, const Args& args) {
  INGOT_ASSIGN(std::vector<Value> keys, Collect(rt.heap(), args.positional[0]));
  std::vector<DictObject::Entry> entries;
  Value value = args.positional[1].missing() ? Value::None() : args.positional[1];
  for (Value& key : keys) entries.emplace_back(std::move(key), value);
  return rt.heap().Dict(std::move(entries));
}

Result BitLength(Runtime&, const Value& self, const Args&) {
  Int value = self.integer();
  auto magnitude =
      value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  Int bits = 0;
  for (; magnitude != 0; magnitude >>= 1) ++bits;
  return Value::Of(bits);
}

Result BitCount(Runtime&, const Value& self, const Args&) {
  Int value = self.integer();
  auto magnitude =
      value < 0 ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  const Int low = std::popcount(static_cast<uint64_t>(magnitude));
  const Int high = std::popcount(static_cast<uint64_t>(magnitude >> 64));
  return Value::Of(low + high);
}

Result Conjugate(Runtime&, const Value& self, const Args&) { return Posate(self); }

Result IsInteger(Runtime&, const Value& self, const Args&) {
  return Value::Bool(std::isfinite(self.real()) && self.real() == std::floor(self.real()));
}

Result Refused(Runtime&, const Value& self, const Args&) {
  return core::Unsupported(core::StrCat("this method of '", TypeName(self), "' is not supported"));
}

Result LoopCycle(Runtime&, const Value& self, const Args& args) {
  if (!args.named.empty()) return TypeError("cycle() takes no keyword arguments");
  if (args.positional.empty()) return TypeError("no items for cycling given");
  Int index = self.as<LoopObject>().index0 % static_cast<Int>(args.positional.size());
  return args.positional[static_cast<size_t>(index)];
}

Result LoopChanged(Runtime& rt, const Value& self, const Args& args) {
  if (!args.named.empty()) return TypeError("changed() takes no keyword arguments");
  auto& loop = self.as<LoopObject>();
  bool same = loop.changed_called && loop.changed.size() == args.positional.size();
  for (size_t i = 0; same && i < loop.changed.size(); ++i) {
    INGOT_ASSIGN(same, EqualWithin(rt.heap(), loop.changed[i], args.positional[i]));
  }
  if (same) return Value::Bool(false);
  if (!loop.changed_called) {
    INGOT_TRY(rt.heap().Keep(std::static_pointer_cast<LoopObject>(self.object())));
    loop.changed_called = true;
  }
  loop.changed = args.positional;
  return Value::Bool(true);
}

Result CyclerNext(Runtime&, const Value& self, const Args&) {
  auto& cycler = self.as<CyclerObject>();
  size_t at = cycler.position;
  cycler.position = (at + 1) % cycler.items.size();
  return cycler.items[at];
}

Result CyclerReset(Runtime&, const Value& self, const Args&) {
  self.as<CyclerObject>().position = 0;
  return Value::None();
}

constexpr NativeDef kList[] = {
    {"count", "/value", 1, CountItems},
    {"index", "/value /start /stop", 1, IndexOf},
    {"copy", "", 0, Copy},
};
constexpr NativeDef kTuple[] = {
    {"count", "/value", 1, CountItems},
    {"index", "/value /start /stop", 1, IndexOf},
};
constexpr NativeDef kRange[] = {
    {"count", "/value", 1, CountItems},
    {"index", "/value /start /stop", 1, IndexOf},
};
constexpr NativeDef kDict[] = {
    {"get", "/key /default", 1, Get},
    {"items", "", 0, View<ViewKind::kItems>},
    {"keys", "", 0, View<ViewKind::kKeys>},
    {"values", "", 0, View<ViewKind::kValues>},
    {"copy", "", 0, Copy},
    {"fromkeys", "/iterable /value", 1, FromKeys},
};
constexpr NativeDef kInt[] = {
    {"bit_length", "", 0, BitLength}, {"bit_count", "", 0, BitCount},
    {"conjugate", "", 0, Conjugate},  {"as_integer_ratio", "", -1, Refused},
    {"from_bytes", "", -1, Refused},  {"to_bytes", "", -1, Refused},
};
constexpr NativeDef kFloat[] = {
    {"is_integer", "", 0, IsInteger},
    {"conjugate", "", 0, Conjugate},
    {"as_integer_ratio", "", -1, Refused},
    {"fromhex", "", -1, Refused},
    {"hex", "", -1, Refused},
};
constexpr NativeDef kLoop[] = {
    {"cycle", "", -1, LoopCycle},
    {"changed", "", -1, LoopChanged},
};
constexpr NativeDef kCycler[] = {
    {"next", "", 0, CyclerNext},
    {"reset", "", 0, CyclerReset},
};

}  // namespace

std::span<const NativeDef> ListMethods() { return kList; }
std::span<const NativeDef> TupleMethods() { return kTuple; }
std::span<const NativeDef> RangeMethods() { return kRange; }
std::span<const NativeDef> DictMethods() { return kDict; }
std::span<const NativeDef> IntMethods() { return kInt; }
std::span<const NativeDef> FloatMethods() { return kFloat; }
std::span<const NativeDef> LoopMethods() { return kLoop; }
std::span<const NativeDef> CyclerMethods() { return kCycler; }

}  // namespace ingot::text::jinja
