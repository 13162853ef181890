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

// Receives events of one step at a time; called from any thread, never from two at once.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void Show(const ProgressEvent& event) = 0;
  // A line that stays: printed above the bar.
  virtual void Line(std::string_view text) = 0;
};

std::unique_ptr<ProgressSink> MakeNullSink();
// A bar when out is a terminal wide enough, otherwise a line when a step begins and when it ends.
std::unique_ptr<ProgressSink> MakeTerminalSink(std::FILE* out);
// {"step":…,"unit":…,"done":…,"total":…,"seconds":…,"finished":…}, one object a line.
std::unique_ptr<ProgressSink> MakeJsonSink(std::FILE* out);
// Events to a function: the server streams them.
std::unique_ptr<ProgressSink> MakeFunctionSink(std::function<void(const ProgressEvent&)> function);

class Progress {
 public:
  // The sink outlives the progress.
  Progress(ProgressSink& sink, std::string step, ProgressUnit unit, uint64_t total);
  ~Progress();  // finishes the step
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Add(uint64_t amount);  // cheap: an atomic add, and a redraw at most ten times a second
  void SetTotal(uint64_t total);
  void Line(std::string_view text);
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::core

#endif  // INGOT_CORE_PROGRESS_H_
