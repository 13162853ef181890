// Takes keys out of the text of a config.json, and puts one in, without touching any other byte: a
// model's config.json is stored as it came, except for the description of a quantization that the
// stored weights no longer have. What was put in can be taken out again, and the text is as it was.
// Pure.
#ifndef INGOT_IMPORT_CONFIG_TEXT_H_
#define INGOT_IMPORT_CONFIG_TEXT_H_

#include <string>
#include <string_view>

#include "core/status.h"

namespace ingot::import {

// Without "quantization", "quantization_config" and "compression_config" of the object and of its
// "text_config".
core::Result<std::string> WithoutQuantization(std::string_view config);

// With one more member in front of all others; value is JSON text.
core::Result<std::string> WithMember(std::string_view config, std::string_view key,
                                     std::string_view value);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_CONFIG_TEXT_H_
