// Progress of long work, said once by the worker and shown by whoever listens: a bar with rate and
// remaining time on a terminal, one line a step when piped, JSON events for a script or the server.
// A Progress is thread-safe: workers add to it from anywhere.
#ifndef INGOT_CORE_PROGRESS_H_
#define INGOT_CORE_PROGRESS_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"

namespace ingot::core {

enum class ProgressUnit { kBytes, kItems };

// One step as a listener sees it.
struct ProgressEvent {
  std::string step;  // "verifying sha256:12ab…", "importing"
  ProgressUnit unit = ProgressUnit::kBytes;
  uint64_t done = 0;
  uint64_t total = 0;  // 0: unknown
  double seconds = 0;  // since the step began
  bool finished = false;
};

// Receives events of one step at a time, the first with nothing done and the last finished; called
// from any thread, never from two at once. A step that ends with less than its total was given up.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void Show(const ProgressEvent& event) = 0;
  // A line that stays: printed above the bar. Made printable by the sinks that print.
  virtual void Line(std::string_view text) = 0;
};

std::unique_ptr<ProgressSink> MakeNullSink();
// A bar when out is a terminal that can show one; then log lines are printed above it too.
// Otherwise a line when a step begins, when it ends, and every half minute.
std::unique_ptr<ProgressSink> MakeTerminalSink(std::FILE* out);
// {"step":…,"unit":"bytes" or "items","done":…,"total":…,"seconds":…,"finished":…}, one object a
// line; lines that stay are {"message":…}.
std::unique_ptr<ProgressSink> MakeJsonSink(std::FILE* out);
// Events to a function: the server streams them. Lines go to `line`, or without one to the log.
std::unique_ptr<ProgressSink> MakeFunctionSink(std::function<void(const ProgressEvent&)> show,
                                               std::function<void(std::string_view)> line = {});

class Progress {
 public:
  // The sink and the clock outlive the progress. total 0: not known yet.
  Progress(ProgressSink& sink, std::string step, ProgressUnit unit, uint64_t total,
           Clock& clock = Clock::System());
  ~Progress();  // finishes the step
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap: an atomic add, a look at the clock, and a redraw at most ten times a second.
  void Add(uint64_t amount);
  void SetTotal(uint64_t total);
  void Line(std::string_view text);
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::core

#endif  // INGOT_CORE_PROGRESS_H_
