// Works out what a quantized weight is in: its format and the shape of its values, from the shapes
// and types of its tensors and from what config.json declares. Never a guess: what fits in more
// than one way and is not declared is an error. Pure.
#ifndef INGOT_IMPORT_QUANTIZED_SHAPE_H_
#define INGOT_IMPORT_QUANTIZED_SHAPE_H_

#include <optional>
#include <string>
#include <vector>

#include "core/status.h"
#include "import/fp8_block.h"
#include "import/weights.h"
#include "quant/declared.h"

namespace ingot::import {

// Each fills encoding, format or fp8_scales, and shape of a weight whose tensors are known. Errors
// name the tensors with their shapes.

// Codes in U32 words with ".scales" (mlx-lm), or ".weight_scale".
core::Status ResolveWords(const Inventory& inventory, const quant::DeclaredQuantization& declared,
                          SourceWeight& weight, std::vector<std::string>& warnings);
// Codes two to a byte with one-byte scales (compressed-tensors, ModelOpt).
core::Status ResolveBytes(const Inventory& inventory, SourceWeight& weight);
// Blocks [..., groups, 16] of bytes with scales [..., groups] (gpt-oss).
core::Status ResolveBlocks(const Inventory& inventory, SourceWeight& weight);
// F8_E4M3 with scales: of blocks, rows, the whole tensor, or E8M0 of 32 columns, which is mxfp8.
core::Status ResolveFp8(const Inventory& inventory, const std::optional<BlockSize>& declared,
                        SourceWeight& weight);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_QUANTIZED_SHAPE_H_
