#include "ops/cpu/router_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "core/thread_pool.h"
#include "kernels/store.h"

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

// What a thread needs for a row, kept for the next.
class Work {
 public:
  explicit Work(const RouterRun& job) : job_(job), scores_(job.all), wanted_(job.all) {}

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
      const float scale = job_.expert_scale == nullptr ? 1 : job_.expert_scale[experts[i]];
      weights[i] = scores_[experts[i]] / divisor * job_.rules.scale * scale;
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

  const RouterRun& job_;
  std::vector<float> scores_;
  std::vector<float> wanted_;
  std::vector<float> quality_;
  std::vector<uint32_t> best_;
  std::vector<char> taken_;
};

}  // namespace

bool AreSound(const RouterSpec& spec, int experts) {
  return spec.chosen > 0 && spec.chosen <= experts && spec.groups > 0 &&
         experts % spec.groups == 0 && spec.kept_groups <= spec.groups &&
         (!spec.correction || spec.correction->size() == static_cast<size_t>(experts)) &&
         (!spec.expert_scale || spec.expert_scale->size() == static_cast<size_t>(experts));
}

void RouterRun::operator()(const std::vector<const std::byte*>& logits) const {
  constexpr size_t kRowsEach = 8;
  core::ThreadPool::Shared().ParallelFor(logits.size(), kRowsEach, [&](size_t begin, size_t end) {
    Work work(*this);
    for (size_t r = begin; r < end; ++r) work.Row(logits[r], r);
  });
}

}  // namespace ingot::ops::cpu
