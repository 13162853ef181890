#include "engine/busy.h"

#include <algorithm>
#include <cmath>

namespace ingot::engine {

int SecondsUntilTurn(size_t waiting, size_t running, double usual_seconds) {
  const double rounds =
      (static_cast<double>(waiting) + 1) / static_cast<double>(std::max<size_t>(running, 1));
  const double seconds = std::ceil(usual_seconds * rounds);
  return static_cast<int>(std::clamp(seconds, 1.0, 60.0));
}

}  // namespace ingot::engine
