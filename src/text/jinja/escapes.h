// String literals of the template language.
#ifndef INGOT_TEXT_JINJA_ESCAPES_H_
#define INGOT_TEXT_JINJA_ESCAPES_H_

#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::text::jinja {

// Undoes the escapes of a literal's inside as Python does; unknown ones stay as they are. Named
// characters (\N{…}) and lone surrogates are errors.
core::Result<std::string> Unescape(std::string_view literal);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_ESCAPES_H_
