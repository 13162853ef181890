// The recurrent layers' rules over a prompt, one head at a time on one thread: step by step and a
// chunk of steps at a time, in every form that this machine runs.
//
//   bench_recurrent [--steps N,N,…] [--rounds N] [--rows N] [--width N]
//
// Prints nanoseconds a step and head of the best round, by the thread's processor time; the state's
// way into panels and back is counted with the chunks.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/strings.h"
#include "kernels/form.h"

namespace {

using namespace ingot;           // NOLINT: a program
using namespace ingot::kernels;  // NOLINT

struct Options {
  std::vector<size_t> steps = {8, 16, 32, 64, 128, 512, 2048};
  int rounds = 7;
  size_t rows = 128;
  size_t width = 128;
};

[[noreturn]] void Die(const std::string& why) {
  std::fprintf(stderr, "bench_recurrent: %s\n", why.c_str());
  std::exit(1);
}

size_t Number(std::string_view text) {
  const auto number = core::ParseUint(text);
  if (!number || *number == 0) Die("expected a number, found " + std::string(text));
  return *number;
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 >= argc) Die(name + " needs a value");
    const std::string value = argv[i + 1];
    if (name == "--steps") {
      options.steps.clear();
      for (const std::string_view each : core::Split(value, ',')) {
        options.steps.push_back(Number(each));
      }
    } else if (name == "--rounds") {
      options.rounds = static_cast<int>(Number(value));
    } else if (name == "--rows") {
      options.rows = Number(value);
    } else if (name == "--width") {
      options.width = Number(value);
    } else {
      Die("unknown option " + name);
    }
  }
  return options;
}

double ThreadSeconds() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

template <typename Body>
double Best(int rounds, const Body& body) {
  body();
  double best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    const double begin = ThreadSeconds();
    body();
    best = std::min(best, ThreadSeconds() - begin);
  }
  return best;
}

// 64-byte aligned numbers.
class Numbers {
 public:
  explicit Numbers(size_t count) : memory_(count + 16) {}
  float* data() {
    const auto at = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (64 - at % 64) % 64 / sizeof(float);
  }

 private:
  std::vector<float> memory_;
};

class Head {
 public:
  Head(size_t steps, const Options& options)
      : steps_(steps), rows_(options.rows), width_(options.width), rounds_(options.rounds) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 1);
    for (auto* values : {&q_, &k_}) {
      values->resize(steps * width_);
      for (float& x : *values) x = normal(random) / std::sqrt(static_cast<float>(width_));
    }
    v_.resize(steps * rows_);
    for (float& x : v_) x = normal(random);
    y_.resize(steps * rows_);
    gate_.resize(steps);
    for (float& x : gate_) x = 1 / (1 + std::exp(-normal(random)));
    state_.resize(rows_ * width_);
  }

  double DeltaSteps(const Form& form) {
    return Best(rounds_, [&] {
      for (size_t row = 0; row < rows_; row += kStateRows) {
        form.recur.delta(Delta(row, std::min(kStateRows, rows_ - row)));
      }
    });
  }
  double DeltaChunks(const Form& form) {
    return Chunks(form.recur.chunk, [&](float* panels, float* work) {
      form.recur.chunk.delta(Delta(0, rows_), panels, work);
    });
  }
  double ScanSteps(const Form& form) {
    return Best(rounds_, [&] {
      for (size_t row = 0; row < rows_; row += kStateRows) {
        form.recur.scan(Scan(row, std::min(kStateRows, rows_ - row)));
      }
    });
  }
  double ScanChunks(const Form& form) {
    return Chunks(form.recur.chunk, [&](float* panels, float* work) {
      form.recur.chunk.scan(Scan(0, rows_), panels, work);
    });
  }

 private:
  template <typename Body>
  double Chunks(const ChunkForm& chunk, const Body& body) {
    Numbers panels(PanelFloats(rows_, width_, chunk.lanes));
    Numbers work(ChunkFloats(width_, chunk.lanes));
    return Best(rounds_, [&] {
      PackPanels(state_.data(), rows_, width_, chunk.lanes, panels.data());
      body(panels.data(), work.data());
      UnpackPanels(panels.data(), rows_, width_, chunk.lanes, state_.data());
    });
  }
  DeltaRun Delta(size_t first, size_t rows) {
    const auto width = static_cast<ptrdiff_t>(width_);
    const auto across = static_cast<ptrdiff_t>(rows_);
    return {.steps = steps_,
            .rows = rows,
            .width = width_,
            .q = q_.data(),
            .k = k_.data(),
            .q_stride = width,
            .k_stride = width,
            .v = v_.data() + first,
            .v_stride = across,
            .decay = gate_.data(),
            .beta = gate_.data(),
            .decay_stride = 1,
            .beta_stride = 1,
            .state = state_.data() + first * width_,
            .y = y_.data() + first,
            .y_stride = across};
  }
  ScanRun Scan(size_t first, size_t rows) {
    const auto width = static_cast<ptrdiff_t>(width_);
    const auto across = static_cast<ptrdiff_t>(rows_);
    return {.steps = steps_,
            .rows = rows,
            .width = width_,
            .x = v_.data() + first,
            .x_stride = across,
            .step = gate_.data(),
            .step_stride = 1,
            .rate = 1,
            .direct = 1,
            .input = k_.data(),
            .output = q_.data(),
            .input_stride = width,
            .output_stride = width,
            .state = state_.data() + first * width_,
            .y = y_.data() + first,
            .y_stride = across};
  }

  size_t steps_, rows_, width_;
  int rounds_;
  std::vector<float> q_, k_, v_, y_, gate_, state_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  std::printf("a state of %zu x %zu, ns a step and head\n\n", options.rows, options.width);
  std::printf("| form | steps | delta, steps | chunks | | scan, steps | chunks | |\n");
  std::printf("|---|---|---|---|---|---|---|---|\n");
  for (const Form* form : SupportedForms()) {
    if (form->bf16) continue;
    for (const size_t steps : options.steps) {
      Head head(steps, options);
      const double each = 1e9 / static_cast<double>(steps);
      const double delta = head.DeltaSteps(*form) * each;
      const double delta_chunks = head.DeltaChunks(*form) * each;
      const double scan = head.ScanSteps(*form) * each;
      const double scan_chunks = head.ScanChunks(*form) * each;
      std::printf("| %s | %zu | %.0f | %.0f | %.2f | %.0f | %.0f | %.2f |\n", form->name.data(),
                  steps, delta, delta_chunks, delta / delta_chunks, scan, scan_chunks,
                  scan / scan_chunks);
    }
  }
  return 0;
}
