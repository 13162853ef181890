// JSON as Python writes it: json.dump puts Infinity, -Infinity and NaN where JSON has no such
// thing, and published config.json files hold them. Newer ones say the same as {"__float__":
// "Infinity"}, which is what the words become here. Functions of their arguments; any thread.
#ifndef INGOT_CORE_PYTHON_JSON_H_
#define INGOT_CORE_PYTHON_JSON_H_

#include <string>
#include <string_view>

#include "core/json.h"

namespace ingot::core {

Result<Json> ParsePythonJson(std::string_view text, JsonLimits limits = {});

// The same text, byte for byte as long, with a string in place of each such word: for who only
// wants to know where things stand in it.
std::string MaskSpecialFloats(std::string_view text);

}  // namespace ingot::core

#endif  // INGOT_CORE_PYTHON_JSON_H_
