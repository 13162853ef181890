// How much work a grammar may make, counted where the parser does it. The same grammar spends the
// same on every machine, whatever else that machine is busy with.
//
// Any number of threads may spend from one budget.
#ifndef INGOT_TEXT_GRAMMAR_PARSE_BUDGET_H_
#define INGOT_TEXT_GRAMMAR_PARSE_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace ingot::text {

class ParseBudgetSpent : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ParseBudget {
 public:
  // work: steps of the parser, all told. live: states of one parser at one time, some 50 bytes
  // each.
  ParseBudget(uint64_t work, size_t live) : work_(work), live_(live) {}

  void Book(size_t work) { spent_.fetch_add(work, std::memory_order_relaxed); }
  // Throws ParseBudgetSpent when more was spent than there is, or more is held.
  void Check(size_t live);
  // Ends the work, from any thread.
  void Cancel() { spent_ = UINT64_MAX / 2; }
  uint64_t spent() const { return spent_.load(std::memory_order_acquire); }

 private:
  const uint64_t work_;
  const size_t live_;
  std::atomic<uint64_t> spent_{0};
  std::atomic<bool> crowded_{false};  // whether more was held
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GRAMMAR_PARSE_BUDGET_H_
