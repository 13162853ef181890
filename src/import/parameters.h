// PARAMETER of a Modelfile: which options there are, of which kind, and how they are stored. Pure.
#ifndef INGOT_IMPORT_PARAMETERS_H_
#define INGOT_IMPORT_PARAMETERS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace ingot::import {

class Parameters {
 public:
  // A later value replaces an earlier one, except for lists, which grow. An unknown name or a value
  // of the wrong kind is an error. Names that mean nothing any more are refused by name, too.
  core::Status Add(std::string_view name, std::string_view value);

  bool empty() const { return values_.empty(); }
  // A JSON object, keys sorted, and a newline: as the params layer holds it.
  std::string ToJson() const;
  // Reads such a layer; what is not understood is an error.
  static core::Result<Parameters> FromJson(std::string_view json);
  // Values that stand in `newer` replace those here.
  void Merge(const Parameters& newer);

 private:
  // JSON texts: one, or those of a list's elements.
  struct Value {
    bool list = false;
    std::vector<std::string> json;
  };
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_PARAMETERS_H_
