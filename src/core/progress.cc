#include "core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "core/progress_text.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr int64_t kRedrawNs = 100'000'000;  // ten times a second at most
constexpr double kReminderSeconds = 30;     // a line for a long step that is not on a terminal
constexpr int kNarrowest = 20;              // columns below which there is no room for a bar
constexpr int kUsualColumns = 80;
constexpr size_t kLongestLine = 4000;  // bytes

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

int TerminalColumns(std::FILE* out) {
  winsize size = {};
  const bool known = ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = ToLower(Environment(name));
    if (!value.empty()) return value.ends_with("utf-8") || value.ends_with("utf8");
  }
  return false;
}

bool CanShowBar(std::FILE* out) {
  return isatty(fileno(out)) == 1 && Environment("TERM") != "dumb" &&
         TerminalColumns(out) >= kNarrowest;
}

// Over the whole of a step: what its last line states.
double Average(const ProgressEvent& event) {
  return event.seconds > 0.05 ? static_cast<double>(event.done) / event.seconds : 0;
}

class BarSink : public ProgressSink {
 public:
  explicit BarSink(std::FILE* out) : out_(out), unicode_(LocaleIsUtf8()) {
    // Both streams usually end on the same screen.
    SetLogWriter([this](std::string_view line) {
      const std::lock_guard<std::mutex> hold(lock_);
      Above(stderr, line);
    });
  }
  ~BarSink() override {
    SetLogWriter({});
    if (!bar_.empty()) Put(out_, kErase);
  }

  void Show(const ProgressEvent& event) override {
    const std::lock_guard<std::mutex> hold(lock_);
    if (event.step != step_) meter_ = RateMeter();
    step_ = event.step;
    const double rate = event.finished ? Average(event) : meter_.Update(event.done, event.seconds);
    const int columns = TerminalColumns(out_);  // each time: windows change
    bar_ = ProgressBar(event, rate, {columns, unicode_});
    if (event.finished) {
      Put(out_, StrCat(kErase, std::exchange(bar_, ""), "\n"));
      step_.clear();
    } else {
      Put(out_, StrCat(kErase, bar_));
    }
  }
  void Line(std::string_view text) override {
    const std::lock_guard<std::mutex> hold(lock_);
    Above(out_, Printable(text, kLongestLine) + "\n");
  }

 private:
  static constexpr std::string_view kErase = "\r\x1b[K";

  void Above(std::FILE* out, std::string_view line) {
    if (!bar_.empty()) Put(out_, kErase);
    Put(out, line);
    if (!bar_.empty()) Put(out_, bar_);
  }

  std::FILE* out_;
  const bool unicode_;
  std::mutex lock_;  // the log writes from any thread
  std::string step_;
  RateMeter meter_;
  std::string bar_;  // on the screen now; empty: none
};

class LineSink : public ProgressSink {
 public:
  explicit LineSink(std::FILE* out) : out_(out) {}

  void Show(const ProgressEvent& event) override {
    const double rate = event.finished ? Average(event) : meter_.Update(event.done, event.seconds);
    if (!running_) {
      running_ = true;
      said_at_ = event.seconds;
      if (!event.finished) Put(out_, Printable(event.step) + "\n");
    } else if (!event.finished && event.seconds - said_at_ >= kReminderSeconds) {
      said_at_ = event.seconds;
      Put(out_, ProgressLine(event, rate) + "\n");
    }
    if (event.finished) {
      Put(out_, ProgressLine(event, rate) + "\n");
      running_ = false;
      meter_ = RateMeter();
    }
  }
  void Line(std::string_view text) override { Put(out_, Printable(text, kLongestLine) + "\n"); }

 private:
  std::FILE* out_;
  bool running_ = false;
  double said_at_ = 0;
  RateMeter meter_;
};

class JsonSink : public ProgressSink {
 public:
  explicit JsonSink(std::FILE* out) : out_(out) {}
  void Show(const ProgressEvent& event) override {
    Write({{"step", event.step},
           {"unit", event.unit == ProgressUnit::kBytes ? "bytes" : "items"},
           {"done", event.done},
           {"total", event.total},
           {"seconds", std::round(event.seconds * 1000) / 1000},
           {"finished", event.finished}});
  }
  void Line(std::string_view text) override { Write({{"message", text}}); }

 private:
  void Write(const Json& json) {
    Put(out_, json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n");
  }
  std::FILE* out_;
};

class FunctionSink : public ProgressSink {
 public:
  FunctionSink(std::function<void(const ProgressEvent&)> show,
               std::function<void(std::string_view)> line)
      : show_(std::move(show)), line_(std::move(line)) {}
  void Show(const ProgressEvent& event) override { show_(event); }
  void Line(std::string_view text) override { line_ ? line_(text) : LogInfo(text); }

 private:
  std::function<void(const ProgressEvent&)> show_;
  std::function<void(std::string_view)> line_;
};

}  // namespace

std::unique_ptr<ProgressSink> MakeNullSink() { return std::make_unique<NullSink>(); }

std::unique_ptr<ProgressSink> MakeTerminalSink(std::FILE* out) {
  if (CanShowBar(out)) return std::make_unique<BarSink>(out);
  return std::make_unique<LineSink>(out);
}

std::unique_ptr<ProgressSink> MakeJsonSink(std::FILE* out) {
  return std::make_unique<JsonSink>(out);
}

std::unique_ptr<ProgressSink> MakeFunctionSink(std::function<void(const ProgressEvent&)> show,
                                               std::function<void(std::string_view)> line) {
  return std::make_unique<FunctionSink>(std::move(show), std::move(line));
}

struct Progress::Impl {
  Impl(ProgressSink& s, std::string name, ProgressUnit u, uint64_t whole, Clock& c)
      : sink(s), step(std::move(name)), unit(u), clock(c), total(whole) {}

  // Under the lock, so that what is shown never goes back.
  void Show(bool last) {
    const double seconds = static_cast<double>(clock.MonotonicNs() - start) * 1e-9;
    sink.Show({step, unit, done.load(), total.load(), seconds, last});
  }

  ProgressSink& sink;
  const std::string step;
  const ProgressUnit unit;
  Clock& clock;
  const int64_t start = clock.MonotonicNs();
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> total;
  std::atomic<int64_t> next_redraw{start + kRedrawNs};
  std::mutex lock;  // one call into the sink at a time
  bool finished = false;
};

Progress::Progress(ProgressSink& sink, std::string step, ProgressUnit unit, uint64_t total,
                   Clock& clock)
    : impl_(std::make_unique<Impl>(sink, std::move(step), unit, total, clock)) {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  impl_->Show(false);
}

Progress::~Progress() { Finish(); }

void Progress::Add(uint64_t amount) {
  impl_->done.fetch_add(amount, std::memory_order_relaxed);
  const int64_t now = impl_->clock.MonotonicNs();
  int64_t due = impl_->next_redraw.load(std::memory_order_relaxed);
  // Whoever moves the time of the next redraw makes this one, unless a slow terminal still holds
  // the last: workers do not wait for it.
  if (now < due || !impl_->next_redraw.compare_exchange_strong(due, now + kRedrawNs)) return;
  const std::unique_lock<std::mutex> hold(impl_->lock, std::try_to_lock);
  if (hold.owns_lock() && !impl_->finished) impl_->Show(false);
}

void Progress::SetTotal(uint64_t total) { impl_->total.store(total); }

void Progress::Line(std::string_view text) {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  impl_->sink.Line(text);
}

void Progress::Finish() {
  const std::lock_guard<std::mutex> hold(impl_->lock);
  if (!std::exchange(impl_->finished, true)) impl_->Show(true);
}

}  // namespace ingot::core
