#include "core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/json.h"
#include "core/progress_text.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr int64_t kRedrawNs = 100'000'000;  // ten times a second at most
constexpr double kReminderSeconds = 30;     // a line for a long step that is not on a terminal
constexpr int kNarrowest = 20;              // columns below which there is no room for a bar

class NullSink : public ProgressSink {
 public:
  void Show(const ProgressEvent&) override {}
  void Line(std::string_view) override {}
};

void Put(std::FILE* out, std::string_view text) {
  // What cannot be shown is no reason to stop the work it tells of.
  std::fwrite(text.data(), 1, text.size(), out);
  std::fflush(out);
}

class BarSink : public ProgressSink {
 public:
  explicit BarSink(std::FILE* out) : out_(out) {}

  void Show(const ProgressEvent& event) override {
    winsize size = {};
    const bool known = ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const std::string bar = ProgressBar(event, known ? size.ws_col : 80);
    // Back to the start of the line, the bar, and what is left of an older one erased.
    Put(out_, StrCat("\r", bar, "\x1b[K", event.finished ? "\n" : ""));
    shown_ = !event.finished;
  }
  void Line(std::string_view text) override {
    Put(out_, StrCat(shown_ ? "\r\x1b[K" : "", text, "\n"));
  }

 private:
  std::FILE* out_;
  bool shown_ = false;
};

class LineSink : public ProgressSink {
 public:
  explicit LineSink(std::FILE* out) : out_(out) {}

  void Show(const ProgressEvent& event) override {
    const bool begins = event.step != step_ || event.seconds < last_;
    if (begins) {
      step_ = event.step;
      last_ = event.seconds;
      if (!event.finished) {
        Put(out_, StrCat(Printable(event.step), "\n"));
        return;
      }
    }
    if (!event.finished && event.seconds - last_ < kReminderSeconds) return;
    last_ = event.seconds;
    Put(out_, ProgressLine(event) + "\n");
  }
  void Line(std::string_view text) override { Put(out_, StrCat(text, "\n")); }

 private:
  std::FILE* out_;
  std::string step_;
  double last_ = 0;
};

Json ToJson(const ProgressEvent& event) {
  return {
      {"step", event.step},       {"unit", event.unit == ProgressUnit::kBytes ? "bytes" : "items"},
      {"done", event.done},       {"total", event.total},
      {"seconds", event.seconds}, {"finished", event.finished}};
}

class JsonSink : public ProgressSink {
 public:
  explicit JsonSink(std::FILE* out) : out_(out) {}
  void Show(const ProgressEvent& event) override { Write(ToJson(event)); }
  void Line(std::string_view text) override { Write({{"message", text}}); }

 private:
  void Write(const Json& json) {
    Put(out_, json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  std::FILE* out_;
};

class FunctionSink : public ProgressSink {
 public:
  explicit FunctionSink(std::function<void(const ProgressEvent&)> function)
      : function_(std::move(function)) {}
  void Show(const ProgressEvent& event) override { function_(event); }
  void Line(std::string_view) override {}

 private:
  std::function<void(const ProgressEvent&)> function_;
};

}  // namespace

std::unique_ptr<ProgressSink> MakeNullSink() { return std::make_unique<NullSink>(); }

std::unique_ptr<ProgressSink> MakeTerminalSink(std::FILE* out) {
  winsize size = {};
  const bool narrow =
      ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_col < kNarrowest;
  if (isatty(fileno(out)) == 1 && !narrow) return std::make_unique<BarSink>(out);
  return std::make_unique<LineSink>(out);
}

std::unique_ptr<ProgressSink> MakeJsonSink(std::FILE* out) {
  return std::make_unique<JsonSink>(out);
}

std::unique_ptr<ProgressSink> MakeFunctionSink(std::function<void(const ProgressEvent&)> function) {
  return std::make_unique<FunctionSink>(std::move(function));
}

struct Progress::Impl {
  Impl(ProgressSink& s, std::string name, ProgressUnit u, uint64_t whole)
      : sink(s), step(std::move(name)), unit(u), total(whole) {}

  // Under the lock.
  void Show(int64_t now, bool last) {
    sink.Show(
        {step, unit, done.load(), total.load(), static_cast<double>(now - start) * 1e-9, last});
  }

  ProgressSink& sink;
  const std::string step;
  const ProgressUnit unit;
  const int64_t start = Clock::System().MonotonicNs();
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> total;
  std::atomic<int64_t> next_redraw{start + kRedrawNs};
  std::mutex lock;  // one call into the sink at a time
  bool finished = false;
};

Progress::Progress(ProgressSink& sink, std::string step, ProgressUnit unit, uint64_t total)
    : impl_(std::make_unique<Impl>(sink, std::move(step), unit, total)) {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  impl_->Show(impl_->start, false);
}

Progress::~Progress() { Finish(); }

void Progress::Add(uint64_t amount) {
  impl_->done.fetch_add(amount, std::memory_order_relaxed);
  const int64_t now = Clock::System().MonotonicNs();
  int64_t due = impl_->next_redraw.load(std::memory_order_relaxed);
  // Whoever moves the time of the next redraw makes this one.
  if (now < due || !impl_->next_redraw.compare_exchange_strong(due, now + kRedrawNs)) return;
  const std::lock_guard<std::mutex> hold(impl_->lock);
  if (!impl_->finished) impl_->Show(now, false);
}

void Progress::SetTotal(uint64_t total) { impl_->total.store(total); }

void Progress::Line(std::string_view text) {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  impl_->sink.Line(text);
}

void Progress::Finish() {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  if (std::exchange(impl_->finished, true)) return;
  impl_->Show(Clock::System().MonotonicNs(), true);
}

}  // namespace ingot::core
