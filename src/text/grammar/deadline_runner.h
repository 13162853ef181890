// Runs work that nothing can interrupt, and waits for it no longer than one is willing to. Work
// that is given up goes on by itself until it ends; no other begins before that, so there is never
// more than one at a time.
//
// Any thread may call Run. The destructor waits for work that was given up.
#ifndef INGOT_TEXT_GRAMMAR_DEADLINE_RUNNER_H_
#define INGOT_TEXT_GRAMMAR_DEADLINE_RUNNER_H_

#include <chrono>
#include <functional>
#include <memory>

#include "core/status.h"

namespace ingot::text {

class DeadlineRunner {
 public:
  DeadlineRunner();
  ~DeadlineRunner();
  DeadlineRunner(const DeadlineRunner&) = delete;
  DeadlineRunner& operator=(const DeadlineRunner&) = delete;

  // Calls work on a thread with room for deep recursion. kExhausted when it is not done in time, or
  // could not begin in time: then work is still being called, or never is. It must not throw, and
  // what it refers to must live for as long as it is kept.
  core::Status Run(std::chrono::milliseconds limit, std::function<void()> work);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_DEADLINE_RUNNER_H_
