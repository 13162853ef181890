// What a vector is made of. A value.
#ifndef INGOT_ENGINE_EMBED_INPUT_H_
#define INGOT_ENGINE_EMBED_INPUT_H_

#include <string>
#include <variant>
#include <vector>

namespace ingot::engine {

// A text, or tokens as they stand.
using EmbedInput = std::variant<std::string, std::vector<int>>;

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_EMBED_INPUT_H_
