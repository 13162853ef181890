#include "model/cache_room.h"

#include <algorithm>

namespace ingot::model {

int RoomColumns(int have, int end, ops::gpu::BackEnd back_end) {
  const bool cuda = back_end == ops::gpu::BackEnd::kCuda;
  const int step = cuda ? 256 : 64;
  if (have >= end && have > 0) return have;
  int columns = have > 0 ? have : step;
  while (columns < end) columns += std::max(step, columns / 2);
  return cuda ? (columns + step - 1) / step * step : columns;
}

int RoomColumns(int have, int end) { return RoomColumns(have, end, ops::gpu::BackEndInUse()); }

}  // namespace ingot::model
