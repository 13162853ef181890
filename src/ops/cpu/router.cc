#include "ops/cpu/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

// The `count` largest of `values` by index, best first; of equal ones the first. NaN comes last.
// `taken` is as long as `values` and is overwritten.
void Largest(std::span<const float> values, std::span<uint32_t> chosen, std::vector<char>& taken) {
  taken.assign(values.size(), 0);
  for (uint32_t& one : chosen) {
    size_t best = values.size();
    for (size_t i = 0; i < values.size(); ++i) {
      if (taken[i] != 0) continue;
      if (best == values.size() || values[i] > values[best] ||
          (std::isnan(values[best]) && !std::isnan(values[i]))) {
        best = i;
      }
    }
    taken[best] = 1;
    one = static_cast<uint32_t>(best);
  }
}

// A RouterSpec without its correction.
struct Rules {
  explicit Rules(const RouterSpec& spec)
      : score(spec.score),
        chosen(static_cast<size_t>(spec.chosen)),
        normalise(spec.normalise),
        floor(spec.floor),
        scale(spec.scale),
        softcap(spec.softcap),
        groups(static_cast<size_t>(spec.groups)),
        kept_groups(static_cast<size_t>(spec.kept_groups)) {}

  RouterScore score;
  size_t chosen;
  bool normalise;
  float floor;
  float scale;
  float softcap;
  size_t groups;
  size_t kept_groups;
};

struct Job {
  Rules rules;
  Strided logits;
  quant::FloatType type;
  const float* correction;  // or null
  uint32_t* experts;        // [N, k]
  float* weights;

  void operator()() const {
    const RowsOf rows(logits);
    constexpr size_t kRowsEach = 8;
    core::ThreadPool::Shared().ParallelFor(rows.size(), kRowsEach, [&](size_t begin, size_t end) {
      Work work(logits.shape.back(), *this);
      for (size_t r = begin; r < end; ++r) work.Row(rows[r], r);
    });
  }

 private:
  // What a thread needs for a row, kept for the next.
  class Work {
   public:
    Work(size_t experts, const Job& job) : job_(job), scores_(experts), wanted_(experts) {}

    void Row(const std::byte* logits, size_t row) {
      kernels::LoadFloats(job_.type, logits, scores_);
      Score();
      for (size_t e = 0; e < scores_.size(); ++e) {
        wanted_[e] = scores_[e] + (job_.correction != nullptr ? job_.correction[e] : 0);
      }
      if (job_.rules.groups > 1) KeepBestGroups();
      const size_t chosen = job_.rules.chosen;
      const std::span<uint32_t> experts(job_.experts + row * chosen, chosen);
      Largest(wanted_, experts, taken_);
      float* weights = job_.weights + row * chosen;
      float sum = 0;
      for (size_t i = 0; i < chosen; ++i) sum += scores_[experts[i]];
      const float divisor = job_.rules.normalise ? sum + job_.rules.floor : 1;
      for (size_t i = 0; i < chosen; ++i) {
        weights[i] = scores_[experts[i]] / divisor * job_.rules.scale;
      }
    }

   private:
    void Score() {
      if (job_.rules.softcap > 0) {
        for (float& x : scores_) x = std::tanh(x / job_.rules.softcap) * job_.rules.softcap;
      }
      switch (job_.rules.score) {
        case RouterScore::kSoftmax: {
          const float most = *std::max_element(scores_.begin(), scores_.end());
          float sum = 0;
          for (float& x : scores_) sum += x = std::exp(x - most);
          for (float& x : scores_) x /= sum;
          return;
        }
        case RouterScore::kSigmoid:
          for (float& x : scores_) x = 1 / (1 + std::exp(-x));
          return;
        case RouterScore::kRootSoftplus:
          for (float& x : scores_) {
            x = std::sqrt(std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))));
          }
          return;
      }
    }

    // A group is as good as its two best.
    void KeepBestGroups() {
      const size_t groups = job_.rules.groups;
      const size_t size = wanted_.size() / groups;
      quality_.resize(groups);
      best_.resize(std::min<size_t>(2, size));
      for (size_t g = 0; g < groups; ++g) {
        const std::span<const float> group = std::span(wanted_).subspan(g * size, size);
        Largest(group, best_, taken_);
        quality_[g] = 0;
        for (const uint32_t i : best_) quality_[g] += group[i];
      }
      best_.resize(job_.rules.kept_groups);
      Largest(quality_, best_, taken_);
      for (size_t g = 0; g < groups; ++g) {
        if (taken_[g] == 0) std::fill_n(wanted_.begin() + Offset(g * size), size, kNever);
      }
    }
    static ptrdiff_t Offset(size_t i) { return static_cast<ptrdiff_t>(i); }

    const Job& job_;
    std::vector<float> scores_;
    std::vector<float> wanted_;
    std::vector<float> quality_;
    std::vector<uint32_t> best_;
    std::vector<char> taken_;
  };
};

}  // namespace

bool ServesRouter(const Array& logits, const RouterSpec& spec) {
  const int experts = logits.ndim() == 2 ? logits.shape(1) : 0;
  return KernelsInUse() && FloatTypeOf(logits.dtype()) && spec.chosen > 0 &&
         spec.chosen <= experts && spec.groups > 0 && experts % spec.groups == 0 &&
         spec.kept_groups <= spec.groups &&
         (!spec.correction || spec.correction->size() == static_cast<size_t>(experts));
}

Routing Route(const Array& logits, const RouterSpec& spec) {
  std::vector<Array> inputs = {logits};
  if (spec.correction) inputs.push_back(mx::contiguous(ToFloat32(*spec.correction)));
  const auto prepare = [rules = Rules(spec)](const std::vector<Array>& in,
                                             std::vector<Array>& out) -> Task {
    return Job{.rules = rules,
               .logits = Strided(in[0]),
               .type = *FloatTypeOf(in[0].dtype()),
               .correction = in.size() > 1 ? in[1].data<float>() : nullptr,
               .experts = out[0].data<uint32_t>(),
               .weights = out[1].data<float>()};
  };
  const mx::Shape shape = {logits.shape(0), spec.chosen};
  std::vector<Array> made = CpuOpOf("IngotRoute", {{shape, mx::uint32}, {shape, mx::float32}},
                                    std::move(inputs), prepare, 1);
  return {made[0], made[1]};
}

}  // namespace ingot::ops::cpu
