#include "ops/cpu/draw.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "core/thread_pool.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
// Logits that a thread takes at a time, and those of them whose largest is known. Whole words of a
// mask.
constexpr size_t kChunk = 8192;
constexpr size_t kBlock = 64;

size_t Parts(size_t count, size_t each) { return (count + each - 1) / each; }

// body(begin, end, chunk) for pieces of [0, count).
template <typename Body>
void ForChunks(size_t count, const Body& body) {
  core::ThreadPool::Shared().ParallelFor(Parts(count, kChunk), 1, [&](size_t begin, size_t end) {
    for (size_t c = begin; c < end; ++c) body(c * kChunk, std::min(count, (c + 1) * kChunk), c);
  });
}

// A row in fp32 with its changes made, NaN being -infinity, and the largest of each block.
class Logits {
 public:
  Logits(quant::FloatType type, const std::byte* row, size_t size, std::span<const LogitEdit> edits,
         const std::vector<uint32_t>* allowed)
      : memory_(size * sizeof(float)),
        values_(reinterpret_cast<float*>(memory_.data()), size),
        largest_(Parts(size, kBlock)) {
    const kernels::RowForm& form = kernels::RowsHere();
    ForChunks(size, [&](size_t begin, size_t end, size_t) {
      const std::span<float> piece = values_.subspan(begin, end - begin);
      form.load(type, row + begin * quant::SizeOf(type), piece.data(), piece.size());
      if (allowed != nullptr) Forbid(*allowed, begin, piece);
      Edit(edits, begin, end);
      for (size_t at = begin; at < end; at += kBlock) {
        largest_[at / kBlock] = form.tidy(values_.data() + at, std::min(kBlock, end - at));
      }
    });
    most_ = *std::max_element(largest_.begin(), largest_.end());
  }

  std::span<const float> values() const { return values_; }
  float largest() const { return most_; }
  // The first place of the largest; 0 where nothing can be chosen.
  size_t Likeliest() const {
    if (most_ == kNever) return 0;
    const auto block = std::find(largest_.begin(), largest_.end(), most_) - largest_.begin();
    const auto from = values_.begin() + block * static_cast<ptrdiff_t>(kBlock);
    return static_cast<size_t>(std::find(from, values_.end(), most_) - values_.begin());
  }
  // The k largest and their equals, by place; all that can be chosen where there are no more.
  std::vector<uint32_t> Largest(size_t k) const {
    // So many blocks reach the bound that k logits do: what does not cannot be among them.
    std::vector<uint32_t> places = AtLeast(k <= largest_.size() ? KthLargest(largest_, k) : kNever);
    if (places.size() <= k) return places;
    std::vector<float> found(places.size());
    for (size_t i = 0; i < places.size(); ++i) found[i] = values_[places[i]];
    const float least = KthLargest(found, k);
    std::erase_if(places, [&](uint32_t place) { return values_[place] < least; });
    return places;
  }

 private:
  static float KthLargest(std::vector<float> values, size_t k) {
    const auto kth = values.begin() + static_cast<ptrdiff_t>(k - 1);
    std::nth_element(values.begin(), kth, values.end(), std::greater<>());
    return *kth;
  }
  // What can be chosen and is not below `least`, by place.
  std::vector<uint32_t> AtLeast(float least) const {
    std::vector<uint32_t> places;
    for (size_t block = 0; block < largest_.size(); ++block) {
      if (largest_[block] < least || largest_[block] == kNever) continue;
      const size_t end = std::min(values_.size(), (block + 1) * kBlock);
      for (size_t i = block * kBlock; i < end; ++i) {
        if (values_[i] >= least && values_[i] != kNever) places.push_back(static_cast<uint32_t>(i));
      }
    }
    return places;
  }

  static void Forbid(const std::vector<uint32_t>& allowed, size_t begin, std::span<float> piece) {
    for (size_t at = 0; at < piece.size(); at += 32) {
      const uint32_t word = allowed[(begin + at) / 32];
      if (word == ~uint32_t{0}) continue;
      const size_t end = std::min(piece.size(), at + 32);
      for (size_t i = at; i < end; ++i) {
        if (((word >> (i - at)) & 1U) == 0) piece[i] = kNever;
      }
    }
  }
  void Edit(std::span<const LogitEdit> edits, size_t begin, size_t end) {
    auto edit = std::lower_bound(
        edits.begin(), edits.end(), begin,
        [](const LogitEdit& one, size_t place) { return static_cast<size_t>(one.token) < place; });
    for (; edit != edits.end() && static_cast<size_t>(edit->token) < end; ++edit) {
      float& value = values_[static_cast<size_t>(edit->token)];
      value = Edited(*edit, value);
    }
  }

  kernels::Scratch memory_;
  std::span<float> values_;
  std::vector<float> largest_;  // of each block
  float most_;
};

// The place at which the sum of weights crosses `number` of the whole; 0 where it does nowhere.
size_t Crossing(std::span<const float> weights, double wanted, double before) {
  for (size_t i = 0; i < weights.size(); ++i) {
    before += static_cast<double>(weights[i]);
    if (before > wanted && weights[i] > 0) return i;
  }
  return weights.size();
}

// Just below the whole, so that rounding does not leave the last token out of reach.
double WantedOf(double total, float number) {
  return total * static_cast<double>(number * 0.999999F);
}

// The least of the weights, which come after others of the sum `before`, that is needed to reach
// `goal`; `weights` is reordered, and not empty. Halves are looked at that the bound is in.
float LeastNeeded(std::vector<float>& weights, double goal, double before) {
  constexpr size_t kSorted = 64;
  size_t first = 0;
  size_t size = weights.size();
  while (size > kSorted) {
    const size_t half = size / 2;
    const auto begin = weights.begin() + static_cast<ptrdiff_t>(first);
    const auto middle = begin + static_cast<ptrdiff_t>(half);
    std::nth_element(begin, middle, begin + static_cast<ptrdiff_t>(size), std::greater<>());
    const double upper = std::accumulate(begin, middle, before);
    if (upper >= goal) {
      size = half;
    } else {
      before = upper;
      first += half;
      size -= half;
    }
  }
  const auto begin = weights.begin() + static_cast<ptrdiff_t>(first);
  const auto end = begin + static_cast<ptrdiff_t>(size);
  std::sort(begin, end, std::greater<>());
  auto least = begin;
  for (auto one = begin; one != end && (one == begin || before < goal); ++one) {
    least = one;
    before += static_cast<double>(*one);
  }
  return *least;
}

// Of few candidates.
size_t DrawAmong(const Logits& logits, const DrawSpec& spec) {
  const std::vector<uint32_t> places = logits.Largest(static_cast<size_t>(spec.top_k));
  std::vector<float> weights(places.size());
  for (size_t i = 0; i < places.size(); ++i) weights[i] = logits.values()[places[i]];
  const double total = kernels::RowsHere().weigh({.row = weights.data(),
                                                  .weights = weights.data(),
                                                  .count = weights.size(),
                                                  .largest = logits.largest(),
                                                  .temperature = spec.temperature,
                                                  .least = 0});
  float floor = spec.min_p;
  if (spec.top_p < 1 && !weights.empty()) {
    std::vector<float> sorted = weights;
    const double goal = total * static_cast<double>(spec.top_p);
    floor = std::max(floor, LeastNeeded(sorted, goal, 0));
  }
  double left = 0;
  for (float& weight : weights) {
    if (weight < floor) weight = 0;
    left += static_cast<double>(weight);
  }
  const size_t found = Crossing(weights, WantedOf(left, spec.number), 0);
  return found < places.size() ? places[found] : 0;
}

// Weights by size: this many bins, each a part of an octave, from 1 downwards; the last has all the
// rest.
constexpr size_t kBins = 1024;
size_t BinOf(float weight) {
  constexpr uint32_t kOne = 0x3f800000;
  const auto bits = std::bit_cast<uint32_t>(weight);
  return std::min<size_t>((kOne - std::min(bits, kOne)) >> 18, kBins - 1);
}

// The least weight that is needed for `goal`: in which bin it is, then which of that bin's.
float LeastNeededOf(std::span<const float> weights, double goal) {
  std::vector<double> bins(Parts(weights.size(), kChunk) * kBins);
  ForChunks(weights.size(), [&](size_t begin, size_t end, size_t chunk) {
    double* own = bins.data() + chunk * kBins;
    for (size_t i = begin; i < end; ++i) own[BinOf(weights[i])] += static_cast<double>(weights[i]);
  });
  double before = 0;
  size_t bin = 0;
  for (double sum = 0; bin < kBins; before += sum, ++bin) {
    sum = 0;
    for (size_t at = bin; at < bins.size(); at += kBins) sum += bins[at];
    if (sum > 0 && before + sum >= goal) break;
  }
  if (bin == kBins) return 0;  // beyond what there is, by rounding: everything is needed
  std::vector<std::vector<float>> parts(Parts(weights.size(), kChunk));
  ForChunks(weights.size(), [&](size_t begin, size_t end, size_t chunk) {
    for (size_t i = begin; i < end; ++i) {
      if (BinOf(weights[i]) == bin && weights[i] > 0) parts[chunk].push_back(weights[i]);
    }
  });
  std::vector<float> within;
  for (const std::vector<float>& part : parts)
    within.insert(within.end(), part.begin(), part.end());
  return within.empty() ? 0 : LeastNeeded(within, goal, before);
}

// Of all.
size_t DrawFromAll(const Logits& logits, const DrawSpec& spec) {
  const size_t size = logits.values().size();
  const kernels::Scratch memory(size * sizeof(float));
  const std::span<float> weights(reinterpret_cast<float*>(memory.data()), size);
  std::vector<double> sums(Parts(size, kChunk));
  ForChunks(size, [&](size_t begin, size_t end, size_t chunk) {
    sums[chunk] = kernels::RowsHere().weigh({.row = logits.values().data() + begin,
                                             .weights = weights.data() + begin,
                                             .count = end - begin,
                                             .largest = logits.largest(),
                                             .temperature = spec.temperature,
                                             .least = spec.top_p < 1 ? 0 : spec.min_p});
  });
  const auto all = [&] { return std::accumulate(sums.begin(), sums.end(), 0.0); };
  if (spec.top_p < 1) {
    const double goal = all() * static_cast<double>(spec.top_p);
    const float floor = std::max(spec.min_p, LeastNeededOf(weights, goal));
    ForChunks(size, [&](size_t begin, size_t end, size_t chunk) {
      double left = 0;
      for (size_t i = begin; i < end; ++i) {
        if (weights[i] < floor) weights[i] = 0;
        left += static_cast<double>(weights[i]);
      }
      sums[chunk] = left;
    });
  }
  const double wanted = WantedOf(all(), spec.number);
  double before = 0;
  for (size_t chunk = 0; chunk < sums.size(); ++chunk) {
    const size_t begin = chunk * kChunk;
    const size_t end = std::min(size, begin + kChunk);
    if (before + sums[chunk] > wanted) {
      const size_t found = Crossing(weights.subspan(begin, end - begin), wanted, before);
      if (begin + found < end) return begin + found;
    }
    before += sums[chunk];
  }
  return 0;
}

size_t DrawFrom(const Logits& logits, const DrawSpec& spec) {
  if (spec.temperature == 0) return logits.Likeliest();
  const bool cut = spec.top_k > 0 && static_cast<size_t>(spec.top_k) < logits.values().size();
  return cut ? DrawAmong(logits, spec) : DrawFromAll(logits, spec);
}

}  // namespace

bool ServesDraw(const Array& logits) {
  return KernelsInUse() && logits.ndim() == 1 && logits.size() > 0 && FloatTypeOf(logits.dtype());
}

Array Draw(const Array& logits, const DrawSpec& spec) {
  const auto prepare = [spec](const std::vector<Array>& in, Array& out) -> Task {
    return [spec, row = Strided(in[0]), type = *FloatTypeOf(in[0].dtype()),
            token = out.data<int32_t>()] {
      const RowsOf rows(row);
      const Logits logits(type, rows[0], row.count, spec.edits, spec.allowed.get());
      *token = static_cast<int32_t>(DrawFrom(logits, spec));
    };
  };
  return CpuOp("IngotDraw", {}, mx::int32, {logits}, prepare);
}

TokenLogprobs LogprobsOfRow(quant::FloatType type, const std::byte* row, size_t size, int chosen,
                            int top) {
  const Logits logits(type, row, size, {}, nullptr);
  const std::span<const float> values = logits.values();
  std::vector<double> sums(Parts(size, kChunk));
  ForChunks(size, [&](size_t begin, size_t end, size_t chunk) {
    const kernels::Scratch weights((end - begin) * sizeof(float));
    sums[chunk] = kernels::RowsHere().weigh({.row = values.data() + begin,
                                             .weights = reinterpret_cast<float*>(weights.data()),
                                             .count = end - begin,
                                             .largest = logits.largest(),
                                             .temperature = 1,
                                             .least = 0});
  });
  const double sum = std::accumulate(sums.begin(), sums.end(), 0.0);
  const auto total = static_cast<float>(static_cast<double>(logits.largest()) + std::log(sum));
  const auto of = [&](size_t token) {
    return TokenLogprob{static_cast<int>(token), values[token] - total};
  };
  TokenLogprobs read{of(static_cast<size_t>(chosen)), {}};
  const size_t count = std::min(static_cast<size_t>(std::max(top, 0)), size);
  if (count == 0) return read;
  std::vector<uint32_t> places = logits.Largest(count);
  // Where fewer can be chosen, those that cannot follow.
  for (size_t i = 0; places.size() < count && i < size; ++i) {
    if (values[i] == kNever) places.push_back(static_cast<uint32_t>(i));
  }
  std::sort(places.begin(), places.end(), [&](uint32_t a, uint32_t b) {
    return values[a] > values[b] || (values[a] == values[b] && a < b);
  });
  places.resize(count);
  for (const uint32_t place : places) read.top.push_back(of(place));
  return read;
}

}  // namespace ingot::ops::cpu
