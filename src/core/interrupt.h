// Ctrl-C and SIGTERM during long commands. The first asks: work polls Interrupted() between pieces
// and leaves with CheckInterrupted()'s status, so that temporary files go and bars are cleared. The
// second ends the process at once.
//
// Polling is safe from any thread and costs a load. One InterruptHandler at a time, made and
// destroyed by the main thread.
#ifndef INGOT_CORE_INTERRUPT_H_
#define INGOT_CORE_INTERRUPT_H_

#include <csignal>
#include <memory>

#include "core/status.h"

namespace ingot::core {

// While it lives, SIGINT and SIGTERM raise the flag instead of ending the process. System calls
// that wait are not taken up again but return EINTR, so that somebody who waits for input can look.
// Afterwards everything is as before, and the flag is down. SIGINT stays ignored where the process
// was started so (by nohup, or in the background of a script).
class InterruptHandler {
 public:
  InterruptHandler();
  ~InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

// While it lives Ctrl-C only raises the flag, however often it comes: for programs that answer it
// by stopping what they do and going on. One at a time, while an InterruptHandler lives.
class PatientInterrupts {
 public:
  PatientInterrupts();
  ~PatientInterrupts();
  PatientInterrupts(const PatientInterrupts&) = delete;
  PatientInterrupts& operator=(const PatientInterrupts&) = delete;

  // Lowers the flag if Ctrl-C raised it; false if SIGTERM did, which is for the program as a whole.
  static bool Forget();
};

// While it lives the calling thread is not interrupted: a write of the standard library that is cut
// short counts as failed, and what it had to write is lost. Another thread may take the signal
// meanwhile; if none does, it comes afterwards.
class HeldInterrupts {
 public:
  HeldInterrupts();
  ~HeldInterrupts();
  HeldInterrupts(const HeldInterrupts&) = delete;
  HeldInterrupts& operator=(const HeldInterrupts&) = delete;

 private:
  sigset_t before_;
};

bool Interrupted();
// kCancelled once interrupted.
Status CheckInterrupted();
// What the process returns then: 130 for Ctrl-C, 143 for SIGTERM, as shells expect; 0 before.
int InterruptExitCode();

// Writing to a pipe or connection whose reader has gone is an error (EPIPE) instead of the end of
// the process.
void IgnoreBrokenPipes();

}  // namespace ingot::core

#endif  // INGOT_CORE_INTERRUPT_H_
