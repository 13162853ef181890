// The tables of filters, tests, global functions and methods. Constant; any thread.
#ifndef INGOT_TEXT_JINJA_BUILTINS_H_
#define INGOT_TEXT_JINJA_BUILTINS_H_

#include <optional>
#include <span>
#include <string_view>

#include "core/status.h"
#include "text/jinja/objects.h"

namespace ingot::text::jinja {

const NativeDef* FindFilter(std::string_view name);
const NativeDef* FindTest(std::string_view name);
const NativeDef* FindGlobal(std::string_view name);

// The parts that FindFilter searches.
std::span<const NativeDef> TextFilters();
std::span<const NativeDef> WrapFilters();
std::span<const NativeDef> ListFilters();
std::span<const NativeDef> SelectFilters();
std::span<const NativeDef> NumberFilters();
std::span<const NativeDef> JsonFilters();

std::span<const NativeDef> StringMethods();       // that change or test a whole string
std::span<const NativeDef> StringSplitMethods();  // that look for parts of it
std::span<const NativeDef> ListMethods();
std::span<const NativeDef> TupleMethods();
std::span<const NativeDef> DictMethods();
std::span<const NativeDef> IntMethods();
std::span<const NativeDef> FloatMethods();
std::span<const NativeDef> RangeMethods();
std::span<const NativeDef> LoopMethods();
std::span<const NativeDef> CyclerMethods();

const NativeDef* FindIn(std::span<const NativeDef> table, std::string_view name);

// value.name, or value[name] where there is no such attribute; undefined where there is neither.
core::Result<Value> GetAttribute(Heap& heap, const Value& value, std::string_view name);
// value[key], or value.key where key is a string and there is no such element.
core::Result<Value> GetItem(Heap& heap, const Value& value, const Value& key);
// What "a.b.0" style arguments of filters look up, one part.
core::Result<Value> GetPath(Heap& heap, const Value& value, const Value& path);
// value[start:stop:step]; missing bounds are not given.
core::Result<Value> GetSlice(Heap& heap, const Value& value, const Value& start, const Value& stop,
                             const Value& step);

// Calls a function of ours: arguments are bound to its parameters first.
core::Result<Value> CallNative(Runtime& runtime, const NativeDef& def, const Value& self,
                               Args args);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_BUILTINS_H_
