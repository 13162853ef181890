#include "ops/cpu/turns.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/thread_pool.h"

namespace ingot::ops::cpu {
namespace {

struct Asked {
  int dims;
  bool interleaved;
  float base;
  float scale;
  float magnitude;
  std::optional<std::uintptr_t> wavelengths;  // which array
  int offset;
  int steps;
  friend bool operator==(const Asked&, const Asked&) = default;
};

struct Known {
  Asked asked;
  std::optional<Array> wavelengths;  // kept, so that no other array can have its identity
  std::shared_ptr<const Turns> turns;
};

// A step of a batch asks for one form a sequence and a kind of layer.
constexpr size_t kKept = 64;
thread_local std::vector<Known> known;

// How fast each pair of dimensions turns, in radians a position.
std::vector<float> Rates(const RopeSpec& spec) {
  std::vector<float> rates;
  if (spec.wavelengths) {
    Array wavelengths = mx::contiguous(*spec.wavelengths);
    wavelengths.eval();
    rates.assign(wavelengths.data<float>(), wavelengths.data<float>() + spec.dims / 2);
  } else {
    rates = PlainWavelengths(spec.dims, spec.base);
  }
  for (float& rate : rates) rate = 1.0F / rate;
  return rates;
}

std::shared_ptr<const Turns> Compute(const RopeSpec& spec, int offset, int steps) {
  const std::vector<float> rates = Rates(spec);
  auto made = std::make_shared<Turns>();
  made->interleaved = spec.interleaved;
  made->half = rates.size();
  made->turns.resize(static_cast<size_t>(steps) * rates.size());
  const auto fill = [&](size_t begin, size_t end) {
    for (size_t step = begin; step < end; ++step) {
      const float position = static_cast<float>(offset + static_cast<int>(step)) * spec.scale;
      for (size_t i = 0; i < rates.size(); ++i) {
        const float angle = position * rates[i];
        made->turns[step * rates.size() + i] = {std::cos(angle) * spec.magnitude,
                                                std::sin(angle) * spec.magnitude};
      }
    }
  };
  core::ThreadPool::Shared().ParallelFor(static_cast<size_t>(steps), 16, fill);
  return made;
}

}  // namespace

void Turns::Apply(size_t step, std::span<float> row) const {
  const Turn* turn = turns.data() + step * half;
  for (size_t i = 0; i < half; ++i) {
    float& a = row[interleaved ? 2 * i : i];
    float& b = row[interleaved ? 2 * i + 1 : i + half];
    const float turned = a * turn[i].cosine - b * turn[i].sine;
    b = a * turn[i].sine + b * turn[i].cosine;
    a = turned;
  }
}

std::shared_ptr<const Turns> TurnsOf(const RopeSpec& spec, int offset, int steps) {
  const Asked asked{
      .dims = spec.dims,
      .interleaved = spec.interleaved,
      .base = spec.base,
      .scale = spec.scale,
      .magnitude = spec.magnitude,
      .wavelengths = spec.wavelengths ? std::optional(spec.wavelengths->id()) : std::nullopt,
      .offset = offset,
      .steps = steps};
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](const Known& one) { return one.asked == asked; });
  if (found != known.end()) return found->turns;
  if (known.size() == kKept) known.erase(known.begin());
  known.push_back({asked, spec.wavelengths, Compute(spec, offset, steps)});
  return known.back().turns;
}

bool ServesTurns(const RopeSpec& spec, int width) {
  return spec.dims > 0 && spec.dims % 2 == 0 && spec.dims <= width &&
         (!spec.wavelengths || (spec.wavelengths->dtype() == mx::float32 &&
                                spec.wavelengths->size() * 2 == static_cast<size_t>(spec.dims)));
}

}  // namespace ingot::ops::cpu
