// Recurrent layers' steps in chunks, in every form that this machine runs, against the same step by
// step in double. The bound: 4e-6 of the largest result, as for the steps one by one, whatever the
// number of steps, the ends of chunks and the decays.
#include "kernels/chunk.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/form.h"

namespace ingot::kernels {
namespace {

constexpr double kBound = 4e-6;

std::vector<const Form*> Forms() {
  std::vector<const Form*> forms;
  for (const Form* form : SupportedForms()) {
    if (!form->bf16) forms.push_back(form);
  }
  return forms;
}

std::vector<float> Random(size_t count, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Numbers aligned as kernels want their memory.
class Numbers {
 public:
  explicit Numbers(size_t count) : memory_(count + 16, NAN) {}
  float* data() {
    const auto at = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (64 - at % 64) % 64 / sizeof(float);
  }

 private:
  std::vector<float> memory_;
};

// How much of a state is left at each step.
enum class Decays { kUsual, kNone, kAlmostNone, kStrong, kAll, kMixed };

float DecayAt(Decays decays, size_t t, float random) {
  switch (decays) {
    case Decays::kUsual:
      return 1 / (1 + std::exp(-random));
    case Decays::kNone:
      return 1;
    case Decays::kAlmostNone:
      return 1 - 1e-6F * std::abs(random);
    case Decays::kStrong:
      return 1e-12F * std::abs(random);
    case Decays::kAll:
      return 0;
    case Decays::kMixed:  // a strong one, behind which little is lost
      break;
  }
  return t % 7 == 3 ? 1e-30F : t % 11 == 5 ? 0.0F : 1 - 1e-4F * std::abs(random);
}

struct Case {
  size_t steps, rows, width;
  Decays decays = Decays::kUsual;
  size_t keep_every = 0;
};

constexpr Case kCases[] = {
    {1, 16, 128},
    {2, 5, 7},
    {31, 16, 64},
    {32, 40, 24},
    {33, 33, 40},
    {64, 128, 128},
    {65, 31, 17},
    {127, 16, 48},
    {70, 20, 32, Decays::kUsual, 8},
    {200, 20, 32, Decays::kUsual, 48},
    {40, 3, 16, Decays::kUsual, 1},
    {30, 3, 16, Decays::kUsual, 64},
    {96, 32, 64, Decays::kNone},
    {100, 17, 64, Decays::kAlmostNone},
    {100, 32, 64, Decays::kStrong},
    {100, 32, 64, Decays::kAll},
    {150, 32, 64, Decays::kMixed},
    {4096, 33, 64},
    {4096, 16, 64, Decays::kAlmostNone},
};

double Dot(const double* row, const float* x, size_t width) {
  double sum = 0;
  for (size_t i = 0; i < width; ++i) sum += row[i] * x[i];
  return sum;
}

void ExpectNear(const float* found, const std::vector<double>& expected, const Form& form,
                const Case& of) {
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], kBound * largest)
        << form.name << " at " << i << " of " << of.steps << " steps, " << of.rows << " x "
        << of.width << ", decays " << static_cast<int>(of.decays);
  }
}

// One head's inputs. Rows of keys stand further apart than they are long.
struct Head {
  explicit Head(const Case& of)
      : pitch(of.width + 3),
        q(Random(of.steps * pitch, 1 / std::sqrt(static_cast<float>(of.width)), 1)),
        k(Random(of.steps * pitch, 1, 2)),
        v(Random(of.steps * of.rows, 1, 3)),
        before(Random(of.rows * of.width, 0.5F, 4)) {
    const std::vector<float> chance = Random(2 * of.steps, 1, 5);
    for (size_t t = 0; t < of.steps; ++t) {
      decay.push_back(DecayAt(of.decays, t, chance[2 * t]));
      beta.push_back(1 / (1 + std::exp(-chance[2 * t + 1])));
      float squares = 0;  // keys are normalised, as the rule wants them
      for (size_t i = 0; i < of.width; ++i) squares += k[t * pitch + i] * k[t * pitch + i];
      for (size_t i = 0; i < pitch; ++i) {
        float& key = k[t * pitch + i];
        key = i < of.width ? key / std::sqrt(squares) : NAN;
        if (i >= of.width) q[t * pitch + i] = NAN;
      }
    }
  }

  size_t pitch;
  std::vector<float> q, k, v, before;
  std::vector<float> decay = {};
  std::vector<float> beta = {};
};

DeltaRun RunOf(const Case& of, const Head& head, float* y) {
  const auto pitch = static_cast<ptrdiff_t>(head.pitch);
  const auto across = static_cast<ptrdiff_t>(of.rows);
  return {.steps = of.steps,
          .rows = of.rows,
          .width = of.width,
          .q = head.q.data(),
          .k = head.k.data(),
          .q_stride = pitch,
          .k_stride = pitch,
          .v = head.v.data(),
          .v_stride = across,
          .decay = head.decay.data(),
          .beta = head.beta.data(),
          .decay_stride = 1,
          .beta_stride = 1,
          .state = nullptr,
          .y = y,
          .y_stride = across};
}

// The state after `run`, which is given panels of the one before and what it works in.
template <typename Run>
std::vector<float> After(const ChunkForm& chunk, const Case& of, const std::vector<float>& before,
                         const Run& run) {
  Numbers panels(PanelFloats(of.rows, of.width, chunk.lanes));
  Numbers work(ChunkFloats(of.width, chunk.lanes));
  PackPanels(before.data(), of.rows, of.width, chunk.lanes, panels.data());
  run(panels.data(), work.data());
  std::vector<float> after(before.size());
  UnpackPanels(panels.data(), of.rows, of.width, chunk.lanes, after.data());
  return after;
}

TEST(KernelChunkTest, TheDeltaRuleMatchesDoubleStepByStep) {
  for (const Case& of : kCases) {
    const Head head(of);
    std::vector<double> state(head.before.begin(), head.before.end());
    std::vector<double> y;
    std::vector<double> kept;
    for (size_t t = 0; t < of.steps; ++t) {
      const float* key = &head.k[t * head.pitch];
      for (size_t r = 0; r < of.rows; ++r) {
        double* row = &state[r * of.width];
        for (size_t i = 0; i < of.width; ++i) row[i] *= head.decay[t];
        const double amount = head.beta[t] * (head.v[t * of.rows + r] - Dot(row, key, of.width));
        for (size_t i = 0; i < of.width; ++i) row[i] += amount * key[i];
        y.push_back(Dot(row, &head.q[t * head.pitch], of.width));
      }
      if (of.keep_every != 0 && (t + 1) % of.keep_every == 0) {
        kept.insert(kept.end(), state.begin(), state.end());
      }
    }
    for (const Form* form : Forms()) {
      std::vector<float> found(y.size());
      std::vector<float> between(kept.size() + 1, 7);
      const ChunkForm& chunk = form->recur.chunk;
      const std::vector<float> after =
          After(chunk, of, head.before, [&](float* panels, float* work) {
            DeltaRun run = RunOf(of, head, found.data());
            run.kept = of.keep_every == 0 ? nullptr : between.data();
            run.keep_every = of.keep_every;
            run.kept_stride = static_cast<ptrdiff_t>(of.rows * of.width);
            chunk.delta(run, panels, work);
          });
      ExpectNear(found.data(), y, *form, of);
      ExpectNear(after.data(), state, *form, of);
      ExpectNear(between.data(), kept, *form, of);
      EXPECT_EQ(between.back(), 7);
    }
  }
}

TEST(KernelChunkTest, TheScanMatchesDoubleStepByStep) {
  constexpr float kRate = 0.7F;
  constexpr float kDirect = -1.3F;
  for (const Case& of : kCases) {
    const Head head(of);
    std::vector<float> steps;  // as long as what is to be left of a state wants them
    for (const float decay : head.decay) {
      steps.push_back(decay > 0 ? -std::log(decay) / kRate : 200.0F);
    }
    std::vector<double> state(head.before.begin(), head.before.end());
    std::vector<double> y;
    for (size_t t = 0; t < of.steps; ++t) {
      const double decay = std::exp(-double{steps[t]} * kRate);
      for (size_t r = 0; r < of.rows; ++r) {
        double* row = &state[r * of.width];
        const double x = head.v[t * of.rows + r];
        for (size_t i = 0; i < of.width; ++i) {
          row[i] = decay * row[i] + x * steps[t] * head.k[t * head.pitch + i];
        }
        y.push_back(Dot(row, &head.q[t * head.pitch], of.width) + kDirect * x);
      }
    }
    for (const Form* form : Forms()) {
      std::vector<float> found(y.size());
      const ChunkForm& chunk = form->recur.chunk;
      const auto pitch = static_cast<ptrdiff_t>(head.pitch);
      const std::vector<float> after =
          After(chunk, of, head.before, [&](float* panels, float* work) {
            chunk.scan({.steps = of.steps,
                        .rows = of.rows,
                        .width = of.width,
                        .x = head.v.data(),
                        .x_stride = static_cast<ptrdiff_t>(of.rows),
                        .step = steps.data(),
                        .step_stride = 1,
                        .rate = kRate,
                        .direct = kDirect,
                        .input = head.k.data(),
                        .output = head.q.data(),
                        .input_stride = pitch,
                        .output_stride = pitch,
                        .state = nullptr,
                        .y = found.data(),
                        .y_stride = static_cast<ptrdiff_t>(of.rows)},
                       panels, work);
          });
      ExpectNear(found.data(), y, *form, of);
      ExpectNear(after.data(), state, *form, of);
    }
  }
}

TEST(KernelChunkTest, ANumberThatIsNoneStaysInItsStepAndRow) {
  const Case of{40, 40, 24};
  Head head(of);
  head.v[35 * of.rows + 3] = NAN;
  for (const Form* form : Forms()) {
    std::vector<float> found(of.steps * of.rows);
    const ChunkForm& chunk = form->recur.chunk;
    After(chunk, of, head.before, [&](float* panels, float* work) {
      chunk.delta(RunOf(of, head, found.data()), panels, work);
    });
    for (size_t t = 0; t < of.steps; ++t) {
      for (size_t r = 0; r < of.rows; ++r) {
        EXPECT_EQ(std::isnan(found[t * of.rows + r]), r == 3 && t >= 35) << form->name;
      }
    }
  }
}

TEST(KernelChunkTest, ARowDoesNotDependOnItsNeighbours) {
  const Case whole{50, 70, 32};
  const Head head(whole);
  for (const Form* form : Forms()) {
    const ChunkForm& chunk = form->recur.chunk;
    const auto run = [&](size_t first, size_t rows, float* y) {
      const Case of{whole.steps, rows, whole.width};
      const std::vector<float> before(
          head.before.begin() + static_cast<ptrdiff_t>(first * 32),
          head.before.begin() + static_cast<ptrdiff_t>((first + rows) * 32));
      return After(chunk, of, before, [&](float* panels, float* work) {
        DeltaRun part = RunOf(whole, head, y + first);
        part.rows = rows;
        part.v += first;
        chunk.delta(part, panels, work);
      });
    };
    std::vector<float> together(whole.steps * whole.rows);
    std::vector<float> apart(together.size());
    const std::vector<float> state = run(0, 70, together.data());
    std::vector<float> states = run(0, 13, apart.data());
    for (const float x : run(13, 57, apart.data())) states.push_back(x);
    EXPECT_EQ(together, apart) << form->name;
    EXPECT_EQ(state, states) << form->name;
  }
}

}  // namespace
}  // namespace ingot::kernels
