// Shares attention out over the pool's threads: by strips, which are queries that look at the same
// keys, and where few queries look at many keys, by spans of keys as well. Results are the same
// either way.
//
// Called from one thread at a time; what it calls back is called from any.
#ifndef INGOT_OPS_CPU_ATTEND_WORK_H_
#define INGOT_OPS_CPU_ATTEND_WORK_H_

#include <cstddef>

#include "core/thread_pool.h"
#include "kernels/attend.h"

namespace ingot::ops::cpu {

// Queries of a strip, at most: so many read a key while it is in a near cache.
inline constexpr size_t kStripRows = 64;

struct AttendWork {
  size_t strips;
  size_t key_width;
  size_t value_width;
  // What each row of a strip sees, into a place for kStripRows; how many rows there are.
  core::FunctionRef<size_t(size_t strip, kernels::AttendQuery* sights)> see;
  // Says where keys and values lie and how they are scaled, and puts the queries' numbers into q,
  // rows of key_width numbers which are q_stride apart. Where sees_last is false, the last key that
  // a row sees is not looked at.
  core::FunctionRef<void(size_t strip, bool sees_last, kernels::AttendRun& run, float* q)> load;
  // Once a strip, when run.out has what its rows found.
  core::FunctionRef<void(size_t strip, const kernels::AttendRun& run)> store;
};

void AttendAll(const AttendWork& work);

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_ATTEND_WORK_H_
