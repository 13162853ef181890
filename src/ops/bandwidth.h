// How fast the memory that weights lie in can be read: what `ingot bench` holds decoding against.
#ifndef INGOT_OPS_BANDWIDTH_H_
#define INGOT_OPS_BANDWIDTH_H_

#include <cstddef>

#include "core/status.h"

namespace ingot::ops {

// Bytes a second, the best of several passes over a buffer of `bytes`: by all threads of the shared
// pool on the CPU, by the device elsewhere. The buffer has to be larger than the caches to tell
// anything. One thread; nothing else should be running.
core::Result<double> MeasureReadBandwidth(size_t bytes);

}  // namespace ingot::ops

#endif  // INGOT_OPS_BANDWIDTH_H_
