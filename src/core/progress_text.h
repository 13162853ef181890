// How progress reads: pure functions from an event to text. Any thread; a RateMeter belongs to one.
#ifndef INGOT_CORE_PROGRESS_TEXT_H_
#define INGOT_CORE_PROGRESS_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/progress.h"

namespace ingot::core {

// The speed of a step, smoothed over some seconds so that it can be read and yet follows changes.
class RateMeter {
 public:
  // done units after so many seconds since the step began. A step that seems to run backwards is a
  // new one. Returns units a second; 0 as long as it is not known.
  double Update(uint64_t done, double seconds);

 private:
  uint64_t done_ = 0;
  double seconds_ = 0;
  double rate_ = 0;
};

struct BarStyle {
  int columns = 80;
  bool unicode = true;  // block characters; otherwise ASCII
};

// "verifying  62%  ▕██████    ▏  1.2 GB of 1.9 GB  410 MB/s  2s left", always less wide than the
// columns: the bar goes first, then the amounts, the rate, the time left, and then the name is cut.
// A finished step is summed up as ProgressLine does.
std::string ProgressBar(const ProgressEvent& event, double rate, const BarStyle& style);

// "verifying: 62%, 1.2 GB of 1.9 GB, 410 MB/s, 2s left" on the way; at the end
// "verifying: 1.9 GB in 4.6s (410 MB/s)", or "verifying: stopped at 1.2 GB of 1.9 GB after 3.1s".
std::string ProgressLine(const ProgressEvent& event, double rate);

// The columns that text takes on a terminal: two for the wide characters of East Asian scripts and
// pictures, none for combining marks. Text is valid UTF-8 without control characters.
int DisplayColumns(std::string_view text);

}  // namespace ingot::core

#endif  // INGOT_CORE_PROGRESS_TEXT_H_
