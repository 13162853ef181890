// When an engine that has too much to do is worth asking again. Pure.
#ifndef INGOT_ENGINE_BUSY_H_
#define INGOT_ENGINE_BUSY_H_

#include <cstddef>

namespace ingot::engine {

// Until all that waits now has begun, and one more could: waiting requests take turns in `running`
// places, each for `usual_seconds`. From 1 to 60.
int SecondsUntilTurn(size_t waiting, size_t running, double usual_seconds);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_BUSY_H_
