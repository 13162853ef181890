// Gives the text of an argument the type that the tool's schema asks for. Pure functions.
#ifndef INGOT_TEXT_PARSE_TYPED_VALUE_H_
#define INGOT_TEXT_PARSE_TYPED_VALUE_H_

#include <string>
#include <string_view>

#include "core/json.h"

namespace ingot::text {

// The tools that were offered; the views live as long as the JSON they were made from.
class ToolSchemas {
 public:
  explicit ToolSchemas(core::Json tools) : tools_(std::move(tools)) {}

  bool Declares(std::string_view tool) const { return Function(tool) != nullptr; }
  bool empty() const { return !tools_.is_array() || tools_.empty(); }
  // The schema of a parameter, null where it is not declared.
  const core::Json* Parameter(std::string_view tool, std::string_view name) const;
  // Whether the arguments hold all that the tool requires.
  bool Complete(std::string_view tool, const core::Json& arguments) const;
  // What "$ref" stands for, in the tool's own definitions.
  const core::Json& Resolve(std::string_view tool, const core::Json& schema) const;

 private:
  const core::Json* Function(std::string_view tool) const;
  core::Json tools_;
};

// Of the types that the schema allows the first that the text fits, in the order null, boolean,
// integer, number, array, object, string; the text itself where none does, or where the parameter
// is not declared. Where the schema lists values, one of them if the text can be read as one, be it
// without the white space around it.
core::Json TypedValue(const ToolSchemas& schemas, std::string_view tool, std::string_view name,
                      std::string_view text);

// The text itself where the schema asks for a string; else the JSON that it is, if it is any.
core::Json JsonUnlessString(const ToolSchemas& schemas, std::string_view tool,
                            std::string_view name, std::string_view text);

// Strings in JSON are valid UTF-8; what a model writes need not be.
std::string CleanText(std::string_view text);

}  // namespace ingot::text

#endif  // INGOT_TEXT_PARSE_TYPED_VALUE_H_
