// How an engine that has too much to do says so, and when to come again. Pure.
#ifndef INGOT_ENGINE_BUSY_H_
#define INGOT_ENGINE_BUSY_H_

#include <cstddef>
#include <optional>
#include <string>

#include "core/status.h"

namespace ingot::engine {

// Until all that waits now has begun, and one more could: waiting requests take turns in `running`
// places, each for `usual_seconds`. From 1 to 60.
int SecondsUntilTurn(size_t waiting, size_t running, double usual_seconds);

// kBusy, with the seconds in its hint.
core::Status Busy(std::string message, int seconds);
// Those of a status that Busy made.
std::optional<int> BusySeconds(const core::Status& status);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_BUSY_H_
