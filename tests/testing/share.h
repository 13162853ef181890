// How much of a long test runs. An emulated processor is some fifty times slower than a real one,
// so `make cross` sets INGOT_TEST_SHARE to n, and says so: tests that repeat one thing over many
// random inputs then take one n-th of the inputs. Which cases there are never depends on it.
#ifndef INGOT_TESTS_TESTING_SHARE_H_
#define INGOT_TESTS_TESTING_SHARE_H_

#include <algorithm>
#include <cstdlib>
#include <string>

namespace ingot::testing {

// n; 1 when the variable is not set. Throws, which fails the test, when it is not a number.
inline size_t ShareDivisor() {
  const char* text = std::getenv("INGOT_TEST_SHARE");
  return text == nullptr ? 1 : std::max<size_t>(1, std::stoul(text));
}

// The number of repetitions to run of `all`, no fewer than `least`.
inline size_t ShareOf(size_t all, size_t least) { return std::max(least, all / ShareDivisor()); }

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_SHARE_H_
