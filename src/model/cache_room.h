// How large the rooms are that caches keep columns in, so that few of them are ever copied.
//
// Pure functions.
#ifndef INGOT_MODEL_CACHE_ROOM_H_
#define INGOT_MODEL_CACHE_ROOM_H_

#include "ops/gpu/choice.h"

namespace ingot::model {

// Columns of a room for `end` of them, where there is one of `have` (0: none yet): as it is if that
// is enough, else larger by halves. On CUDA a multiple of 256: MLX reads rooms of such sizes by
// cuDNN's attention, which is faster than its own for long sequences.
int RoomColumns(int have, int end, ops::gpu::BackEnd back_end);
// On the device in use.
int RoomColumns(int have, int end);

}  // namespace ingot::model

#endif  // INGOT_MODEL_CACHE_ROOM_H_
