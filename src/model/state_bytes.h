// What a sequence has left behind, as plain bytes: to be kept while the sequence is gone, joined
// with what others left, or written to disk.
//
// Values, which hold no arrays: any thread may keep them. Copying from a state and restoring one is
// for the thread that builds graphs.
#ifndef INGOT_MODEL_STATE_BYTES_H_
#define INGOT_MODEL_STATE_BYTES_H_

#include <cstddef>
#include <span>
#include <vector>

#include "model/cache.h"
#include "ops/array.h"

namespace ingot::model {

struct HostArray {
  ops::mx::Dtype type;
  ops::mx::Shape shape;
  std::vector<std::byte> bytes;
};

// The columns of positions [begin, end), of every layer that has one a position, in the order of
// the layers: [B, heads, end - begin, D].
struct StateColumns {
  int begin = 0;
  int end = 0;
  std::vector<HostArray> arrays;

  size_t bytes() const;
  // Cuts off what stands from `at` on, which lies inside, and returns it.
  StateColumns Split(int at);
};

// What the other layers hold at one position.
struct StateMark {
  int at = 0;
  std::vector<HostArray> arrays;

  size_t bytes() const;
};

// Everything that is pending has been computed; 0 <= begin <= end <= state.length().
StateColumns CopyColumns(const SequenceState& state, int begin, int end);
StateMark CopyMark(const SequenceState& state);

// Whether the columns and the mark are shaped like those of this state, which has gone some way.
bool Fits(const SequenceState& like, const StateColumns& columns);
bool Fits(const SequenceState& like, const StateMark& mark);

// Makes a new state stand at the end of columns that follow each other from 0 on, of which only the
// first `length` count. The mark is of that length; it may be null where a state can be cut
// anywhere. Everything fits.
void Restore(SequenceState& fresh, std::span<const StateColumns* const> columns,
             const StateMark* mark, int length);

}  // namespace ingot::model

#endif  // INGOT_MODEL_STATE_BYTES_H_
