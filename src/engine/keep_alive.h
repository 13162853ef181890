// How long a model stays loaded.
#ifndef INGOT_ENGINE_KEEP_ALIVE_H_
#define INGOT_ENGINE_KEEP_ALIVE_H_

#include <chrono>

namespace ingot::engine {

// After its last use; negative: for good. Zero: at once.
using KeepAlive = std::chrono::seconds;

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_KEEP_ALIVE_H_
