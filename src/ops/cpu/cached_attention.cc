#include "ops/cpu/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "core/thread_pool.h"
#include "kernels/attend.h"
#include "kernels/pack.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/attend_work.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/cpu/turns.h"
#include "ops/packed_columns.h"

namespace ingot::ops::cpu {
namespace {

using kernels::AttendQuery;
using kernels::AttendRun;
using kernels::LoadFloats;
using kernels::Scratch;
using kernels::StoreFloats;
using quant::FloatType;

// A norm's weight as it is given, and as it is used.
struct HeadNorm {
  Strided weight;
  FloatType type;
  float eps;
};
struct Factored {
  explicit Factored(const std::optional<HeadNorm>& norm) {
    if (!norm) return;
    factors = Factors(norm->weight, norm->type);
    eps = norm->eps;
  }
  void Apply(std::span<float> row) const {
    if (!factors.empty()) NormRow(factors, eps, row);
  }
  std::vector<float> factors;
  float eps = 0;
};

// A sequence with the memory of its room, and where in the counting of strips it stands.
struct Sequence {
  size_t first_row;
  size_t length;
  size_t steps;
  size_t capacity;
  std::byte* keys;
  std::byte* values;
  std::shared_ptr<const Turns> turns;  // or null
  size_t first_strip;
};

size_t StripsOf(size_t group, size_t steps) {
  return (group * steps + kStripRows - 1) / kStripRows;
}

struct Job {
  Strided q;
  Strided k;
  Strided v;
  FloatType type;
  size_t heads;
  size_t key_heads;
  size_t width;        // of a key
  size_t value_width;  // of a value
  size_t pitch;
  std::optional<HeadNorm> query_norm;
  std::optional<HeadNorm> key_norm;
  QueryGrowth growth;
  float scale;
  size_t window;
  const float* sinks;  // one a head of queries, or null
  std::vector<Sequence> sequences;
  bool packed;  // what the rooms hold
  std::byte* y;

  void operator()() const { Run(*this).All(); }

 private:
  // What is there while the job runs.
  class Run {
   public:
    explicit Run(const Job& job)
        : job_(job),
          q_(job.q),
          k_(job.k),
          v_(job.v),
          query_norm_(job.query_norm),
          key_norm_(job.key_norm),
          group_(job.heads / job.key_heads),
          element_(quant::SizeOf(job.type)),
          key_bytes_(job.packed ? kernels::PackedBytes(job.width) : job.width * element_),
          value_bytes_(job.packed ? kernels::PackedBytes(job.value_width)
                                  : job.value_width * element_) {}

    void All() const {
      // A new column and those who look at it: one thread, no waiting in between.
      const bool single =
          group_ <= kStripRows && std::all_of(job_.sequences.begin(), job_.sequences.end(),
                                              [](const Sequence& one) { return one.steps <= 1; });
      const Sequence& last = job_.sequences.back();
      const size_t strips = last.first_strip + job_.key_heads * StripsOf(group_, last.steps);
      if (!single) {
        core::ThreadPool::Shared().ParallelFor(strips, 1, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            const Sequence& sequence = SequenceOf(i);
            const size_t head = i - sequence.first_strip;
            if (head < job_.key_heads) Store(sequence, head);
          }
        });
      }
      AttendAll({.strips = strips,
                 .key_width = job_.width,
                 .value_width = job_.value_width,
                 .see = [&](size_t i, AttendQuery* sights) { return See(PlaceOf(i), sights); },
                 .load =
                     [&](size_t i, bool sees_last, AttendRun& run, float* q) {
                       const Strip strip = PlaceOf(i);
                       if (single && sees_last) Store(*strip.sequence, strip.key_head);
                       Load(strip, run, q);
                     },
                 .store = [&](size_t i, const AttendRun& run) { Result(PlaceOf(i), run); }});
    }

   private:
    // Queries that share a head of keys are counted column by column: row i is of the head
    // i % group_ of that head's, at column i / group_.
    struct Strip {
      const Sequence* sequence;
      size_t key_head;
      size_t first;
      size_t rows;
    };

    const Sequence& SequenceOf(size_t strip) const {
      const auto next =
          std::upper_bound(job_.sequences.begin(), job_.sequences.end(), strip,
                           [](size_t at, const Sequence& one) { return at < one.first_strip; });
      return *(next - 1);
    }

    Strip PlaceOf(size_t strip) const {
      const Sequence& sequence = SequenceOf(strip);
      const size_t strips = StripsOf(group_, sequence.steps);
      const size_t at = strip - sequence.first_strip;
      const size_t first = at % strips * kStripRows;
      return {.sequence = &sequence,
              .key_head = at / strips,
              .first = first,
              .rows = std::min(kStripRows, group_ * sequence.steps - first)};
    }

    size_t HeadOf(const Strip& strip, size_t row) const {
      return strip.key_head * group_ + (strip.first + row) % group_;
    }
    size_t StepOf(const Strip& strip, size_t row) const { return (strip.first + row) / group_; }

    // All new columns of one head of keys.
    void Store(const Sequence& sequence, size_t head) const {
      const size_t longest = std::max(job_.width, job_.value_width);
      const Scratch scratch(longest * sizeof(float));
      auto* numbers = reinterpret_cast<float*>(scratch.data());
      const std::span<float> key(numbers, job_.width);
      const kernels::RowForm& form = kernels::RowsHere();
      for (size_t step = 0; step < sequence.steps; ++step) {
        const size_t at = head * sequence.capacity + sequence.length + step;
        const size_t row = sequence.first_row + step;
        LoadFloats(job_.type, k_[row] + head * job_.width * element_, key);
        key_norm_.Apply(key);
        if (sequence.turns != nullptr) sequence.turns->Apply(step, key);
        std::byte* key_at = sequence.keys + at * key_bytes_;
        const std::byte* value = v_[row] + head * job_.value_width * element_;
        std::byte* value_at = sequence.values + at * value_bytes_;
        if (job_.packed) {
          form.pack(numbers, job_.width, key_at);
          form.load(job_.type, value, numbers, job_.value_width);
          form.pack(numbers, job_.value_width, value_at);
        } else {
          StoreFloats(job_.type, key, key_at);
          std::copy_n(value, value_bytes_, value_at);
        }
      }
    }

    float GrowthAt(size_t position) const {
      if (job_.growth.beta == 0) return 1;
      return 1.0F + job_.growth.beta * std::log(1.0F + std::floor(static_cast<float>(position) /
                                                                  job_.growth.context));
    }

    void LoadQuery(const Sequence& sequence, size_t head, size_t step, std::span<float> row) const {
      LoadFloats(job_.type, q_[sequence.first_row + step] + head * job_.pitch * element_, row);
      query_norm_.Apply(row);
      if (sequence.turns != nullptr) sequence.turns->Apply(step, row);
      const float growth = GrowthAt(sequence.length + step);
      if (growth != 1) {
        for (float& value : row) value *= growth;
      }
    }

    size_t See(const Strip& strip, AttendQuery* sights) const {
      for (size_t r = 0; r < strip.rows; ++r) {
        const size_t end = strip.sequence->length + StepOf(strip, r) + 1;
        sights[r] = {job_.window > 0 && end > job_.window ? end - job_.window : 0, end,
                     job_.sinks == nullptr ? nullptr : job_.sinks + HeadOf(strip, r)};
      }
      return strip.rows;
    }

    void Load(const Strip& strip, AttendRun& run, float* q) const {
      const Sequence& sequence = *strip.sequence;
      for (size_t r = 0; r < strip.rows; ++r) {
        LoadQuery(sequence, HeadOf(strip, r), StepOf(strip, r), {q + r * run.q_stride, job_.width});
      }
      run.type = job_.type;
      if (job_.packed) {
        run.key_scales = job_.width;
        run.value_scales = job_.value_width;
      }
      run.keys = sequence.length + sequence.steps;
      run.key_rows = sequence.keys + strip.key_head * sequence.capacity * key_bytes_;
      run.key_stride = static_cast<ptrdiff_t>(key_bytes_);
      run.value_rows = sequence.values + strip.key_head * sequence.capacity * value_bytes_;
      run.value_stride = static_cast<ptrdiff_t>(value_bytes_);
      run.scale = job_.scale;
    }

    void Result(const Strip& strip, const AttendRun& run) const {
      for (size_t r = 0; r < strip.rows; ++r) {
        const size_t row = strip.sequence->first_row + StepOf(strip, r);
        StoreFloats(job_.type, {run.out + r * run.out_stride, job_.value_width},
                    job_.y + (row * job_.heads + HeadOf(strip, r)) * job_.value_width * element_);
      }
    }

    const Job& job_;
    RowsOf q_;
    RowsOf k_;
    RowsOf v_;
    Factored query_norm_;
    Factored key_norm_;
    size_t group_;
    size_t element_;
    size_t key_bytes_;  // of a column in its room
    size_t value_bytes_;
  };
};

bool IsNorm(const std::optional<NormWeights>& norm, int width) {
  return !norm || (FloatTypeOf(norm->weight.dtype()) && norm->weight.ndim() == 1 &&
                   norm->weight.shape(0) == width);
}

size_t Size(int value) { return static_cast<size_t>(value); }

}  // namespace

bool ServesCached(const Array& q, const Array& k, const Array& v,
                  const std::vector<CachedSequence>& sequences, const CachedAttentionSpec& spec) {
  if (!KernelsInUse() || !FloatTypeOf(q.dtype()) || k.dtype() != q.dtype() ||
      v.dtype() != q.dtype() || q.shape(0) != 1 || sequences.empty() || !spec.attention.causal) {
    return false;
  }
  const int width = k.shape(2) / spec.key_heads;
  const int value_width = v.shape(2) / spec.key_heads;
  const bool packed = IsPacked(sequences.front().room.keys);
  const auto holds = [&](const Array& room, int numbers) {
    return room.dtype() == (packed ? mx::int8 : q.dtype()) && room.shape(0) == 1 &&
           room.shape(3) == (packed ? PackedWidth(numbers) : numbers);
  };
  const auto fits = [&](const CachedSequence& one) {
    return one.steps > 0 && holds(one.room.keys, width) && holds(one.room.values, value_width) &&
           one.length + one.steps <= one.room.keys.shape(2);
  };
  return spec.heads % spec.key_heads == 0 && (!spec.rope || ServesTurns(*spec.rope, width)) &&
         IsNorm(spec.query_norm, width) && IsNorm(spec.key_norm, width) &&
         (!spec.attention.sinks || spec.attention.sinks->size() == Size(spec.heads)) &&
         std::all_of(sequences.begin(), sequences.end(), fits);
}

CachedAttentionResult AttendCached(const Array& q, const Array& k, const Array& v,
                                   std::vector<CachedSequence> sequences,
                                   const CachedAttentionSpec& spec) {
  const int rows = q.shape(1);
  const int width = k.shape(2) / spec.key_heads;
  const int value_width = v.shape(2) / spec.key_heads;
  const bool packed = IsPacked(sequences.front().room.keys);
  std::vector<Array> inputs = {q, k, v};
  std::vector<ResultType> results = {{{1, rows, spec.heads * value_width}, q.dtype()}};
  std::vector<Sequence> plan;
  size_t row = 0;
  size_t strips = 0;
  const size_t group = Size(spec.heads / spec.key_heads);
  for (CachedSequence& one : sequences) {
    plan.push_back({.first_row = row,
                    .length = Size(one.length),
                    .steps = Size(one.steps),
                    .capacity = Size(one.room.keys.shape(2)),
                    .keys = nullptr,
                    .values = nullptr,
                    .turns = spec.rope ? TurnsOf(*spec.rope, one.length, one.steps) : nullptr,
                    .first_strip = strips});
    row += Size(one.steps);
    strips += Size(spec.key_heads) * StripsOf(group, Size(one.steps));
    for (Array* part : {&one.room.keys, &one.room.values}) {
      const auto at = static_cast<int>(inputs.size());
      results.push_back({part->shape(), part->dtype(), at});
      inputs.push_back(std::move(*part));
    }
  }
  sequences.clear();
  const size_t optional_inputs = inputs.size();
  if (spec.query_norm) inputs.push_back(spec.query_norm->weight);
  if (spec.key_norm) inputs.push_back(spec.key_norm->weight);
  if (spec.attention.sinks) inputs.push_back(mx::contiguous(ToFloat32(*spec.attention.sinks)));

  const auto prepare = [=, query_eps = spec.query_norm ? spec.query_norm->eps : 0,
                        key_eps = spec.key_norm ? spec.key_norm->eps : 0,
                        has_query_norm = spec.query_norm.has_value(),
                        has_key_norm = spec.key_norm.has_value(),
                        has_sinks = spec.attention.sinks.has_value(), heads = spec.heads,
                        key_heads = spec.key_heads, pitch = spec.query_pitch, growth = spec.growth,
                        scale = spec.attention.scale, window = spec.attention.window](
                           const std::vector<Array>& in, std::vector<Array>& out) -> Task {
    size_t next = optional_inputs;
    const auto norm = [&](bool has, float eps) -> std::optional<HeadNorm> {
      if (!has) return std::nullopt;
      const Array& weight = in[next++];
      return HeadNorm{Strided(weight), *FloatTypeOf(weight.dtype()), eps};
    };
    std::optional<HeadNorm> query_norm = norm(has_query_norm, query_eps);
    std::optional<HeadNorm> key_norm = norm(has_key_norm, key_eps);
    std::vector<Sequence> bound = plan;
    for (size_t i = 0; i < bound.size(); ++i) {
      bound[i].keys = BytesOf(out[1 + 2 * i]);
      bound[i].values = BytesOf(out[2 + 2 * i]);
    }
    return Job{.q = Strided(in[0]),
               .k = Strided(in[1]),
               .v = Strided(in[2]),
               .type = *FloatTypeOf(in[0].dtype()),
               .heads = Size(heads),
               .key_heads = Size(key_heads),
               .width = Size(width),
               .value_width = Size(value_width),
               .pitch = pitch > 0 ? Size(pitch) : Size(width),
               .query_norm = std::move(query_norm),
               .key_norm = std::move(key_norm),
               .growth = growth,
               .scale = scale,
               .window = Size(window),
               .sinks = has_sinks ? in[next].data<float>() : nullptr,
               .sequences = std::move(bound),
               .packed = packed,
               .y = BytesOf(out[0])};
  };
  std::vector<Array> made =
      CpuOpOf("IngotAttendCached", results, std::move(inputs), prepare, optional_inputs);
  CachedAttentionResult result{made[0], {}};
  for (size_t i = 1; i < made.size(); i += 2) result.rooms.push_back({made[i], made[i + 1]});
  return result;
}

}  // namespace ingot::ops::cpu
