// Ends an answer at a stop string. Text passes through as it comes; what might be the beginning of
// a stop string is held back until it is known not to be. On a hit the text ends before it.
//
// One sequence, one thread.
#ifndef INGOT_ENGINE_STOP_STRINGS_H_
#define INGOT_ENGINE_STOP_STRINGS_H_

#include <string>
#include <string_view>
#include <vector>

namespace ingot::engine {

class StopStrings {
 public:
  // Empty strings stop nothing and are left out.
  explicit StopStrings(std::vector<std::string> stops);

  // What may be shown now that `text` came. Nothing more comes once stopped() is true.
  std::string Push(std::string_view text);
  // What was held back, at the end of the answer.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_STOP_STRINGS_H_
