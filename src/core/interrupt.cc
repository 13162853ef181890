#include "core/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace ingot::core {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM};

// The signal that came, 0 before.
std::atomic<int> received{0};
std::atomic<bool> patient{false};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler writes it");

// Async-signal-safe: an atomic, write and _exit.
void OnSignal(int signal) {
  const int error = errno;
  int none = 0;
  if (!received.compare_exchange_strong(none, signal) && !(patient && signal == SIGINT)) {
    // The rest of the line may hold a progress bar: leave the prompt a line of its own.
    if (isatty(STDERR_FILENO) == 1) {
      [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, "\n", 1);
    }
    _exit(128 + signal);
  }
  errno = error;
}

}  // namespace

struct InterruptHandler::Saved {
  std::array<struct sigaction, kSignals.size()> actions;
};

InterruptHandler::InterruptHandler() : saved_(std::make_unique<Saved>()) {
  received.store(0);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction& before = saved_->actions[i];
    sigaction(kSignals[i], nullptr, &before);
    if ((before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_IGN) continue;
    struct sigaction action = {};
    action.sa_handler = OnSignal;
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptHandler::~InterruptHandler() {
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &saved_->actions[i], nullptr);
  }
  received.store(0);
}

PatientInterrupts::PatientInterrupts() { patient.store(true); }

PatientInterrupts::~PatientInterrupts() { patient.store(false); }

bool PatientInterrupts::Forget() {
  int expected = SIGINT;
  return received.compare_exchange_strong(expected, 0) || expected == 0;
}

HeldInterrupts::HeldInterrupts() {
  sigset_t held;
  sigemptyset(&held);
  for (const int signal : kSignals) sigaddset(&held, signal);
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

HeldInterrupts::~HeldInterrupts() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool Interrupted() { return received.load(std::memory_order_relaxed) != 0; }

Status CheckInterrupted() { return Interrupted() ? Cancelled("interrupted") : Status::Ok(); }

int InterruptExitCode() {
  const int signal = received.load();
  return signal == 0 ? 0 : 128 + signal;
}

void IgnoreBrokenPipes() {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  sigemptyset(&action.sa_mask);
  sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace ingot::core
