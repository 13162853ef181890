#include "ops/sample.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "ops/cpu/choice.h"
#include "ops/cpu/draw.h"
#include "ops/cpu/likeliest.h"
#include "ops/cpu/rows.h"
#include "ops/gpu/choice.h"
#include "ops/gpu/kernel.h"
#include "ops/gpu/sample.h"

namespace ingot::ops {

namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

template <typename Value, typename Of>
Array ValuesOf(const std::vector<LogitEdit>& edits, mx::Dtype type, const Of& of) {
  std::vector<Value> values;
  for (const LogitEdit& edit : edits) values.push_back(of(edit));
  return Array(values.data(), {static_cast<int>(values.size())}, type);
}

Array Allowed(const Array& logits, const std::vector<uint32_t>& words) {
  std::vector<uint8_t> bits(static_cast<size_t>(logits.shape(0)));
  for (size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<uint8_t>((words[i / 32] >> (i % 32)) & 1U);
  }
  const Array mask = Array(bits.data(), {static_cast<int>(bits.size())}, mx::uint8);
  return mx::where(mx::astype(mask, mx::bool_), logits, mx::full_like(logits, kNever));
}

TokenLogprobs PlainLogprobs(const Array& logits, int chosen, int top) {
  const Array wide = ToFloat32(logits);
  const Array logprobs = mx::contiguous(wide - mx::logsumexp(wide));
  mx::eval(logprobs);
  const float* values = logprobs.data<float>();
  const auto size = static_cast<int>(logprobs.size());
  std::vector<TokenLogprob> all(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) all[static_cast<size_t>(i)] = {i, values[i]};
  const auto count = static_cast<size_t>(std::clamp(top, 0, size));
  std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), all.end(),
                    [](const TokenLogprob& a, const TokenLogprob& b) {
                      return a.logprob > b.logprob || (a.logprob == b.logprob && a.token < b.token);
                    });
  all.resize(count);
  return {{chosen, values[chosen]}, std::move(all)};
}

}  // namespace

float Edited(const LogitEdit& edit, float logit) {
  if (edit.never) return kNever;
  float value = logit + edit.plus;
  if (edit.factor != 1) value = value < 0 ? value * edit.factor : value / edit.factor;
  return value - edit.minus - edit.extra;
}

Array EditLogits(const Array& logits, const DrawSpec& spec) {
  Array wide = ToFloat32(logits);
  if (spec.allowed) wide = Allowed(wide, *spec.allowed);
  const std::vector<LogitEdit>& edits = spec.edits;
  if (edits.empty()) return wide;
  const auto number = [&](float LogitEdit::*field) {
    return ValuesOf<float>(edits, mx::float32, [&](const LogitEdit& e) { return e.*field; });
  };
  const Array at = ValuesOf<int>(edits, mx::int32, [](const LogitEdit& e) { return e.token; });
  const Array factor = number(&LogitEdit::factor);
  Array values = mx::take(wide, at) + number(&LogitEdit::plus);
  values = mx::where(mx::less(values, Array(0.0F)), values * factor, values / factor);
  values = values - number(&LogitEdit::minus) - number(&LogitEdit::extra);
  const Array never = ValuesOf<float>(edits, mx::float32,
                                      [](const LogitEdit& e) { return e.never ? kNever : 0.0F; });
  return mx::put_along_axis(wide, at, mx::where(mx::less(never, Array(0.0F)), never, values), 0);
}

TokenLogprobs LogprobsOf(Array logits, int chosen, int top) {
  if (!cpu::ServesDraw(logits)) return PlainLogprobs(logits, chosen, top);
  mx::eval(logits);
  if (!logits.flags().row_contiguous) {
    logits = mx::contiguous(logits);
    mx::eval(logits);
  }
  return cpu::LogprobsOfRow(*cpu::FloatTypeOf(logits.dtype()), logits.data<std::byte>(),
                            logits.size(), chosen, top);
}

std::vector<int> Likeliest(Array logits) {
  const auto type = cpu::FloatTypeOf(logits.dtype());
  if (!cpu::KernelsInUse() || !type) {
    Array places = mx::astype(mx::argmax(ToFloat32(logits), -1), mx::int32);
    mx::eval(places);
    return {places.data<int>(), places.data<int>() + places.size()};
  }
  mx::eval(logits);
  if (!logits.flags().row_contiguous) {
    logits = mx::contiguous(logits);
    mx::eval(logits);
  }
  const auto width = static_cast<size_t>(logits.shape(-1));
  return cpu::LikeliestOfRows(*type, logits.data<std::byte>(), logits.size() / width, width);
}

Array Draw(const Array& raw, const DrawSpec& spec) {
  if (cpu::ServesDraw(raw)) return cpu::Draw(raw, spec);
  const bool changed = !spec.edits.empty() || spec.allowed;
  const Array logits = changed ? EditLogits(raw, spec) : raw;
  const bool greedy = spec.temperature == 0;
  if (!greedy && gpu::KernelsInUse()) return gpu::Draw(gpu::LaunchOnDevice, logits, spec);
  const int size = logits.shape(0);
  const Array wide = ToFloat32(logits);
  const Array x = mx::where(mx::isnan(wide), Array(kNever), wide);
  if (greedy) return mx::astype(mx::argmax(x), mx::int32);
  const Array falling = mx::negative(mx::sort(mx::negative(x)));
  Array stays = mx::full({size}, true, mx::bool_);
  if (spec.top_k > 0 && spec.top_k < size) {
    stays = mx::greater_equal(x, mx::take(falling, Array(spec.top_k - 1)));
  }
  const Array largest = mx::max(x);
  const auto weigh = [&](const Array& values, const Array& which) {
    const Array weight = mx::exp((values - largest) / Array(spec.temperature));
    return mx::where(which, weight, mx::zeros_like(weight));
  };
  if (spec.top_p < 1) {
    // The last that is needed: before it there is less than top_p.
    const Array left = spec.top_k > 0 && spec.top_k < size
                           ? mx::greater_equal(falling, mx::take(falling, Array(spec.top_k - 1)))
                           : mx::full({size}, true, mx::bool_);
    const Array weights = weigh(falling, left);
    const Array before = mx::cumsum(weights, 0) - weights;
    const Array needed = mx::less(before, mx::sum(weights) * Array(spec.top_p));
    const Array last = mx::min(mx::where(mx::logical_and(needed, left), falling, largest));
    stays = mx::logical_and(stays, mx::greater_equal(x, last));
  }
  Array weights = weigh(x, stays);
  weights =
      mx::where(mx::greater_equal(weights, Array(spec.min_p)), weights, mx::zeros_like(weights));
  const Array sums = mx::cumsum(weights, 0);
  const Array wanted = mx::take(sums, Array(size - 1)) * Array(spec.number * 0.999999F);
  const Array drawn =
      mx::argmax(mx::logical_and(mx::greater(sums, wanted), mx::greater(weights, Array(0.0F))));
  return mx::astype(drawn, mx::int32);
}

}  // namespace ingot::ops
