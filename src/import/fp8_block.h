// The block size of a checkpoint of block-scaled 8-bit floats, as its config.json declares it.
// Pure.
#ifndef INGOT_IMPORT_FP8_BLOCK_H_
#define INGOT_IMPORT_FP8_BLOCK_H_

#include <cstdint>
#include <optional>

#include "core/json.h"

namespace ingot::import {

struct BlockSize {
  uint64_t rows = 0;
  uint64_t columns = 0;

  bool operator==(const BlockSize&) const = default;
};

// Looks through the places where programs declare it; nullopt when none does.
std::optional<BlockSize> DeclaredBlockSize(const core::Json& config);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_FP8_BLOCK_H_
