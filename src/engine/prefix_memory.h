// What a conversation has been read up to, so that its next turn reads only what is new. Holds one
// sequence: its tokens, its caches, and marks at places that a later prompt is likely to leave it
// at. Caches of keys and values can be cut anywhere; recurrent states only go back to a mark.
//
// One conversation, one thread: the one that builds graphs. The model outlives it.
#ifndef INGOT_ENGINE_PREFIX_MEMORY_H_
#define INGOT_ENGINE_PREFIX_MEMORY_H_

#include <cstddef>
#include <vector>

#include "model/language_model.h"

namespace ingot::engine {

class PrefixMemory {
 public:
  explicit PrefixMemory(const model::LanguageModel& model)
      : model_(model), state_(model.NewState()) {}

  // Goes back to the longest beginning of the prompt that is still there and returns its length; at
  // least the prompt's last token is always left to be read.
  size_t Rewind(const std::vector<int>& prompt);
  // Where to stop and Mark while reading the rest of the prompt: rising, between what Rewind
  // returned and the prompt's last token.
  const std::vector<size_t>& stops() const { return stops_; }
  void Mark();

  // Advances by whatever is read with it.
  model::SequenceState& state() { return state_; }
  // What has been read by now, or more: the state's length says how much of it.
  void Keep(std::vector<int> tokens);
  // When reading failed on the way.
  void Forget();

  size_t bytes() const;

 private:
  const model::LanguageModel& model_;
  model::SequenceState state_;
  std::vector<int> tokens_;                  // as many as the state's length
  std::vector<model::SequenceState> marks_;  // by rising length, all within tokens_
  std::vector<size_t> stops_;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_PREFIX_MEMORY_H_
