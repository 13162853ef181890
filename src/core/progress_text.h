// How progress reads: pure functions from an event to text.
#ifndef INGOT_CORE_PROGRESS_TEXT_H_
#define INGOT_CORE_PROGRESS_TEXT_H_

#include <string>

#include "core/progress.h"

namespace ingot::core {

// "verifying  62% ▕██████    ▏ 1.2/1.9 GB  410 MB/s  2s left", never wider than `columns`: parts
// are left out from the right, then the step's name is cut.
std::string ProgressBar(const ProgressEvent& event, int columns);

// "verifying: 1.9 GB in 4.6s (410 MB/s)", or how far it is when it is not finished.
std::string ProgressLine(const ProgressEvent& event);

}  // namespace ingot::core

#endif  // INGOT_CORE_PROGRESS_TEXT_H_
