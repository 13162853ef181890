// Decides where every variable of a template lives, by the scoping rules of the language: a for
// loop, a with, a filter or set block and a macro open a scope, an if does not; a scope that
// assigns a name has its own variable, which begins as a copy of the outer one; a name that no
// scope assigns comes from the context. Also looks up filters and tests and refuses misplaced
// break, continue and assignments to loop.
#ifndef INGOT_TEXT_JINJA_SCOPE_H_
#define INGOT_TEXT_JINJA_SCOPE_H_

#include <string_view>

#include "core/status.h"
#include "text/jinja/ast.h"

namespace ingot::text::jinja {

struct RootScope {
  int slots = 0;
  ScopeLoads loads;
};

core::Result<RootScope> ResolveNames(std::string_view source, Body& body);

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_SCOPE_H_
