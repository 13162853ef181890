// Whether a body reads one of the special names (loop, caller, kwargs, varargs) that it does not
// itself define first, at any depth.
#ifndef INGOT_TEXT_JINJA_NAME_SEARCH_H_
#define INGOT_TEXT_JINJA_NAME_SEARCH_H_

#include <string_view>

#include "text/jinja/ast.h"

namespace ingot::text::jinja {

bool UsesName(Body& body, std::string_view name);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_NAME_SEARCH_H_
