#include "ops/cpu/attend_work.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <vector>

#include "kernels/attend_spans.h"
#include "kernels/form.h"
#include "kernels/scratch.h"

namespace ingot::ops::cpu {
namespace {

using kernels::AttendQuery;
using kernels::AttendRun;
using kernels::AttendSums;
using kernels::FloatsOfSums;
using kernels::kVector;
using kernels::RoundUp;
using kernels::Scratch;
using kernels::SumsAt;

// What sums of all spans may take; beyond that there are strips enough to share out.
constexpr size_t kMostShared = size_t{8} << 20;

// Where a strip stands in the counting of spans, and in the memory for their sums.
struct Place {
  size_t first_span;
  size_t first_float;
};

class Sharing {
 public:
  explicit Sharing(const AttendWork& work)
      : work_(work),
        q_stride_(RoundUp(work.key_width, kVector)),
        out_stride_(RoundUp(work.value_width, kVector)) {}

  void All() {
    core::ThreadPool& pool = core::ThreadPool::Shared();
    if (!PlanSpans()) {
      // Later queries see more keys, hence one strip at a time: whoever is free takes the next.
      pool.ParallelFor(work_.strips, 1, [&](size_t begin, size_t end) {
        for (size_t strip = begin; strip < end; ++strip) {
          WithRun(strip, true, [&](const AttendRun& run) {
            kernels::AttendInSpans(run);
            work_.store(strip, run);
          });
        }
      });
      return;
    }
    const Scratch scratch(places_.back().first_float * sizeof(float));
    sums_ = reinterpret_cast<float*>(scratch.data());
    pool.ParallelFor(places_.back().first_span, 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) Span(i);
    });
  }

 private:
  size_t SpansOf(size_t strip) const {
    return places_[strip + 1].first_span - places_[strip].first_span;
  }

  // False where there is nothing to be won by it.
  bool PlanSpans() {
    places_.reserve(work_.strips + 1);
    Place next{0, 0};
    std::array<AttendQuery, kStripRows> sights;
    for (size_t strip = 0; strip < work_.strips; ++strip) {
      const size_t rows = work_.see(strip, sights.data());
      const size_t spans = kernels::SpansOf(std::span(sights.data(), rows));
      places_.push_back(next);
      next.first_span += spans;
      next.first_float += spans * FloatsOfSums(rows, out_stride_);
      if (next.first_float * sizeof(float) > kMostShared) return false;
    }
    places_.push_back(next);
    if (next.first_span == work_.strips) return false;
    left_.emplace(work_.strips);
    for (size_t strip = 0; strip < work_.strips; ++strip) (*left_)[strip] = SpansOf(strip);
    return true;
  }

  // f with the strip's run, whose results have a place.
  template <typename F>
  void WithRun(size_t strip, bool sees_last, F f) const {
    std::array<AttendQuery, kStripRows> sights;
    const size_t rows = work_.see(strip, sights.data());
    const Scratch scratch(rows * (q_stride_ + out_stride_) * sizeof(float));
    auto* q = reinterpret_cast<float*>(scratch.data());
    AttendRun run{};
    run.rows = rows;
    run.queries = sights.data();
    run.q = q;
    run.q_stride = q_stride_;
    run.key_width = work_.key_width;
    run.value_width = work_.value_width;
    run.out = q + rows * q_stride_;
    run.out_stride = out_stride_;
    for (size_t r = 0; r < rows; ++r) {
      std::fill(q + r * q_stride_ + work_.key_width, q + (r + 1) * q_stride_, 0.0F);
    }
    work_.load(strip, sees_last, run, q);
    f(run);
  }

  AttendSums SumsOf(size_t strip, size_t span, size_t rows) const {
    const size_t floats = FloatsOfSums(rows, out_stride_);
    return SumsAt(sums_ + places_[strip].first_float + span * floats, rows, out_stride_);
  }

  // Span i of all; whoever is the last of a strip puts together what all found.
  void Span(size_t i) {
    const auto next =
        std::upper_bound(places_.begin(), places_.end(), i,
                         [](size_t span, const Place& place) { return span < place.first_span; });
    const auto strip = static_cast<size_t>(next - places_.begin()) - 1;
    const size_t span = i - places_[strip].first_span;
    const size_t spans = SpansOf(strip);
    WithRun(strip, span + 1 == spans, [&](const AttendRun& run) {
      kernels::AttendSpan(run, span, SumsOf(strip, span, run.rows));
      if ((*left_)[strip].fetch_sub(1, std::memory_order_acq_rel) > 1) return;
      const AttendSums all = SumsOf(strip, 0, run.rows);
      for (size_t other = 1; other < spans; ++other) {
        kernels::JoinSpan(run, other, SumsOf(strip, other, run.rows), all);
      }
      kernels::FinishSpans(run, all);
      work_.store(strip, run);
    });
  }

  const AttendWork& work_;
  const size_t q_stride_;
  const size_t out_stride_;
  std::vector<Place> places_;                             // one a strip, and the end
  std::optional<std::vector<std::atomic<size_t>>> left_;  // spans of each strip
  float* sums_ = nullptr;
};

}  // namespace

void AttendAll(const AttendWork& work) { Sharing(work).All(); }

}  // namespace ingot::ops::cpu
