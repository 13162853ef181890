// What choosing a token costs, by options: the CPU's kernels against the plain form, which is MLX's
// operations put together.
//
//   bench_sampling [VOCABULARY] [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "engine/sampler.h"
#include "ops/cpu/choice.h"
#include "ops/sample.h"

namespace {

namespace mx = ingot::ops::mx;
using ingot::engine::Sampler;
using ingot::engine::SamplingOptions;
using ingot::ops::Array;

struct Case {
  std::string name;
  SamplingOptions options;
};

std::vector<Case> Cases() {
  SamplingOptions open;
  open.temperature = 1;
  open.top_k = 0;
  open.top_p = 1;
  open.seed = 1;
  std::vector<Case> cases;
  const auto add = [&](std::string name, auto change) {
    SamplingOptions options = open;
    change(options);
    cases.push_back({std::move(name), options});
  };
  add("greedy", [](SamplingOptions& o) { o.temperature = 0; });
  add("temperature 1", [](SamplingOptions&) {});
  add("temperature 0.8, top-k 40, top-p 0.9", [](SamplingOptions& o) {
    o.temperature = 0.8F;
    o.top_k = 40;
    o.top_p = 0.9F;
  });
  add("top-p 0.95", [](SamplingOptions& o) { o.top_p = 0.95F; });
  add("min-p 0.05", [](SamplingOptions& o) { o.min_p = 0.05F; });
  add("penalties, top-k 40", [](SamplingOptions& o) {
    o.repeat_penalty = 1.1F;
    o.presence_penalty = 0.5F;
    o.frequency_penalty = 0.2F;
    o.top_k = 40;
  });
  add("logit bias, top-k 40", [](SamplingOptions& o) {
    for (int token = 0; token < 50; ++token) o.logit_bias[token * 37] = 1;
    o.top_k = 40;
  });
  return cases;
}

// Microseconds, the middle of all rounds.
template <typename Run>
double MedianOf(int rounds, const Run& run) {
  std::vector<double> times;
  run();
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<size_t>(rounds) / 2];
}

template <typename Run>
void Compare(const std::string& name, int rounds, const Run& run) {
  const double own = MedianOf(rounds, run);
  const ingot::ops::cpu::PlainForms plain_forms;
  const double plain = MedianOf(std::max(rounds / 10, 3), run);
  std::printf("| %s | %.0f | %.0f | %.0f |\n", name.c_str(), plain, own, plain / own);
}

}  // namespace

int main(int argc, char** argv) {
  const int vocabulary = argc > 1 ? std::atoi(argv[1]) : 151936;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 100;
  if (vocabulary < 2000 || rounds < 1) {
    std::fprintf(stderr, "usage: bench_sampling [VOCABULARY from 2000 on] [ROUNDS]\n");
    return 2;
  }
  std::mt19937 random(3);  // NOLINT: the same numbers at every run
  std::normal_distribution<float> normal(0, 2.5F);
  std::vector<float> numbers(static_cast<size_t>(vocabulary));
  for (float& number : numbers) number = normal(random);
  const Array logits = mx::astype(Array(numbers.data(), {vocabulary}, mx::float32), mx::bfloat16);
  mx::eval(logits);
  std::vector<int> history;
  for (int i = 0; i < 500; ++i) history.push_back(i * 7 % vocabulary);
  std::printf("%d logits in bf16\n\n", vocabulary);
  std::printf("| options | plain form, us | kernels, us | times |\n|---|---|---|---|\n");
  for (const Case& one : Cases()) {
    Sampler sampler(one.options, history);
    Compare(one.name, rounds, [&] { sampler.Next(logits).item<int>(); });
  }
  Compare("log-probabilities of 20", rounds, [&] { ingot::engine::ReadLogprobs(logits, 1, 20); });
  return 0;
}
