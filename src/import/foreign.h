// Formats of other programs that hold packed integers, and that are refused by name rather than
// taken for floats. Pure.
#ifndef INGOT_IMPORT_FOREIGN_H_
#define INGOT_IMPORT_FOREIGN_H_

#include <string>

#include "core/status.h"
#include "import/inventory.h"

namespace ingot::import {

// kUnsupported, naming the format and a tensor, when the source is in one of them.
core::Status RefuseForeignFormats(const Inventory& inventory);

// What config.json and hf_quant_config.json say about how the weights were made, for messages:
// "quant_method \"awq\"", or empty.
std::string DeclaredMethod(const Inventory& inventory);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_FOREIGN_H_
