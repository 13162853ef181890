// Finds NaN and infinity in weights that are copied as they are. Pure.
#ifndef INGOT_IMPORT_FINITE_H_
#define INGOT_IMPORT_FINITE_H_

#include <cstddef>
#include <span>

#include "tensor/dtype.h"

namespace ingot::import {

// Values of the array that are NaN or infinite; 0 for types that have neither or that we do not
// look into. At memory speed.
uint64_t CountNonfinite(tensor::DType type, std::span<const std::byte> values);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_FINITE_H_
