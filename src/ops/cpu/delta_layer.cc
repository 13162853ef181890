#include "ops/cpu/delta_layer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/recur.h"
#include "kernels/rows.h"
#include "kernels/scratch.h"
#include "kernels/store.h"
#include "ops/cpu/choice.h"
#include "ops/cpu/conv_window.h"
#include "ops/cpu/cpu_op.h"
#include "ops/cpu/row_norm.h"
#include "ops/cpu/rows.h"
#include "ops/delta.h"

namespace ingot::ops::cpu {
namespace {

using kernels::kStateRows;
using kernels::Scratch;
using quant::FloatType;

size_t Size(int value) { return static_cast<size_t>(value); }

float Softplus(float x) { return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x))); }

// Steps that go through all phases together: what they leave in between fits a cache.
constexpr size_t kStretch = 2 * kernels::kChunkSteps;

struct Job {
  size_t key_heads, value_heads, key_dim, value_dim, taps;
  Strided qkv, z, beta, a, tail;
  FloatType type;       // of qkv, z and tail
  FloatType beta_type;  // and of a
  bool in_chunks;       // where steps are many enough
  const float* by_tap;
  const float* rate;
  const float* dt_bias;
  Strided norm;
  FloatType norm_type;
  float eps;
  float l2_eps;
  std::byte* y;
  std::byte* after;
  float* state;

  void operator()() const { Run(*this).All(); }

 private:
  class Run {
   public:
    explicit Run(const Job& job)
        : job_(job),
          window_(job.qkv, job.tail),
          z_(job.z),
          beta_(job.beta),
          a_(job.a),
          batch_(job.qkv.shape[0]),
          steps_(job.qkv.shape[1]),
          keys_(job.key_heads * job.key_dim),
          values_(job.value_heads * job.value_dim),
          channels_(2 * keys_ + values_),
          stretch_(std::min(steps_, kStretch)),
          memory_(stretch_ * (channels_ + values_ + 2 * job.value_heads) * sizeof(float)),
          u_(reinterpret_cast<float*>(memory_.data())),
          found_(u_ + stretch_ * channels_),
          decay_(found_ + stretch_ * values_),
          opening_(decay_ + stretch_ * job.value_heads),
          chunk_(kernels::RecurHere().chunk),
          in_chunks_(job.in_chunks && steps_ >= chunk_.from),
          panel_floats_(kernels::PanelFloats(job.value_dim, job.key_dim, chunk_.lanes)),
          turned_(in_chunks_ ? job.value_heads * panel_floats_ * sizeof(float) : 0),
          panels_(reinterpret_cast<float*>(turned_.data())),
          norm_(Factors(job.norm, job.norm_type)) {
      // The sum of squares is the mean times the width.
      const auto width = static_cast<float>(job.key_dim);
      query_factors_.assign(job.key_dim, 1 / width);
      key_factors_.assign(job.key_dim, 1 / std::sqrt(width));
    }

    void All() const {
      for (size_t b = 0; b < batch_; ++b) {
        if (in_chunks_) EachState(b, kernels::PackPanels);
        for (size_t first = 0; first < steps_; first += stretch_) {
          Stretch(b, first, std::min(stretch_, steps_ - first));
        }
        if (in_chunks_) {
          EachState(b, [](float* state, size_t rows, size_t width, size_t lanes, float* panels) {
            kernels::UnpackPanels(panels, rows, width, lanes, state);
          });
        }
      }
      window_.CopyTail(job_.after);
    }

   private:
    // turn(state, rows, width, lanes, panels) for every head.
    template <typename Turn>
    void EachState(size_t b, const Turn& turn) const {
      core::ThreadPool::Shared().ParallelFor(job_.value_heads, 1, [&](size_t begin, size_t end) {
        for (size_t h = begin; h < end; ++h) {
          turn(StateOf(b, h), job_.value_dim, job_.key_dim, chunk_.lanes,
               panels_ + h * panel_floats_);
        }
      });
    }

    float* StateOf(size_t b, size_t h) const {
      return job_.state + (b * job_.value_heads + h) * job_.value_dim * job_.key_dim;
    }

    void Stretch(size_t b, size_t first, size_t count) const {
      core::ThreadPool& pool = core::ThreadPool::Shared();
      const size_t parts = 2 * job_.key_heads + job_.value_heads;
      constexpr size_t kPartsEach = 8;
      pool.ParallelFor(count * parts, kPartsEach, [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) Head(b, first, i / parts, i % parts);
      });
      pool.ParallelFor(job_.value_heads, 1, [&](size_t begin, size_t end) {
        for (size_t h = begin; h < end; ++h) {
          Recur(b, h, count);
          Finish(b, first, h, count);
        }
      });
    }

    // One head of queries, keys or values at one step, and with the latter its gates.
    void Head(size_t b, size_t first, size_t t, size_t part) const {
      const bool value = part >= 2 * job_.key_heads;
      const size_t head = value ? part - 2 * job_.key_heads : part;
      const size_t width = value ? job_.value_dim : job_.key_dim;
      const size_t c = value ? 2 * keys_ + head * width : head * width;
      float* out = u_ + t * channels_ + c;
      std::array<const std::byte*, kMostTaps> rows{};
      for (size_t tap = 0; tap < job_.taps; ++tap) {
        rows[tap] = window_.Row(b, first + t + tap) + c * quant::SizeOf(job_.type);
      }
      kernels::RecurHere().conv({.type = job_.type,
                                 .taps = job_.taps,
                                 .rows = rows.data(),
                                 .weights = job_.by_tap + c,
                                 .weight_stride = channels_,
                                 .out = out,
                                 .count = width});
      const kernels::RowForm& form = kernels::RowsHere();
      form.bend({.kind = kernels::BendKind::kSilu,
                 .gate = nullptr,
                 .up = out,
                 .out = out,
                 .count = width});
      if (!value) {
        const bool query = head < job_.key_heads;
        form.norm({.factors = (query ? query_factors_ : key_factors_).data(),
                   .eps = job_.l2_eps / static_cast<float>(width),
                   .row = out,
                   .count = width});
        return;
      }
      const size_t row = b * steps_ + first + t;
      const float time =
          Softplus(quant::LoadFloat(job_.beta_type, a_[row], head) + job_.dt_bias[head]);
      const float beta = quant::LoadFloat(job_.beta_type, beta_[row], head);
      decay_[t * job_.value_heads + head] = std::exp(-job_.rate[head] * time);
      opening_[t * job_.value_heads + head] = 1 / (1 + std::exp(-beta));
    }

    void Recur(size_t b, size_t h, size_t count) const {
      const kernels::RecurForm& form = kernels::RecurHere();
      if (in_chunks_) {
        const Scratch work(kernels::ChunkFloats(job_.key_dim, chunk_.lanes) * sizeof(float));
        return chunk_.delta(RowsOfHead(h, count, 0, job_.value_dim, nullptr),
                            panels_ + h * panel_floats_, reinterpret_cast<float*>(work.data()));
      }
      for (size_t row = 0; row < job_.value_dim; row += kStateRows) {
        form.delta(RowsOfHead(h, count, row, std::min(kStateRows, job_.value_dim - row),
                              StateOf(b, h) + row * job_.key_dim));
      }
    }

    // Of the stretch's steps.
    kernels::DeltaRun RowsOfHead(size_t h, size_t count, size_t row, size_t rows,
                                 float* state) const {
      const size_t group = h / (job_.value_heads / job_.key_heads);
      const auto pitch = static_cast<ptrdiff_t>(channels_);
      const auto gates = static_cast<ptrdiff_t>(job_.value_heads);
      const size_t at = h * job_.value_dim + row;
      return {.steps = count,
              .rows = rows,
              .width = job_.key_dim,
              .q = u_ + group * job_.key_dim,
              .k = u_ + keys_ + group * job_.key_dim,
              .q_stride = pitch,
              .k_stride = pitch,
              .v = u_ + 2 * keys_ + at,
              .v_stride = pitch,
              .decay = decay_ + h,
              .beta = opening_ + h,
              .decay_stride = gates,
              .beta_stride = gates,
              .state = state,
              .y = found_ + at,
              .y_stride = static_cast<ptrdiff_t>(values_)};
    }

    void Finish(size_t b, size_t first, size_t h, size_t count) const {
      const size_t width = job_.value_dim;
      const Scratch scratch(width * sizeof(float));
      const std::span<float> gate(reinterpret_cast<float*>(scratch.data()), width);
      const kernels::RowForm& form = kernels::RowsHere();
      for (size_t t = 0; t < count; ++t) {
        const size_t row = b * steps_ + first + t;
        float* y = found_ + t * values_ + h * width;
        form.norm({.factors = norm_.data(), .eps = job_.eps, .row = y, .count = width});
        const size_t size = quant::SizeOf(job_.type);
        kernels::LoadFloats(job_.type, z_[row] + h * width * size, gate);
        form.bend({.kind = kernels::BendKind::kSilu,
                   .gate = gate.data(),
                   .up = y,
                   .out = y,
                   .count = width});
        kernels::StoreFloats(job_.type, {y, width}, job_.y + (row * values_ + h * width) * size);
      }
    }

    const Job& job_;
    ConvWindow window_;
    RowsOf z_;
    RowsOf beta_;
    RowsOf a_;
    size_t batch_;
    size_t steps_;
    size_t keys_;
    size_t values_;
    size_t channels_;
    size_t stretch_;
    Scratch memory_;
    float* u_;        // [stretch, channels]
    float* found_;    // [stretch, values]
    float* decay_;    // [stretch, value heads]
    float* opening_;  // beta, likewise
    const kernels::ChunkForm& chunk_;
    bool in_chunks_;
    size_t panel_floats_;  // of a head's state
    Scratch turned_;
    float* panels_;  // of all heads, while steps are taken in chunks
    std::vector<float> norm_;
    std::vector<float> query_factors_;
    std::vector<float> key_factors_;
  };

 public:
  static constexpr size_t kMostTaps = 16;
};

bool IsFloat(const Array& x) { return FloatTypeOf(x.dtype()).has_value(); }

}  // namespace

bool ServesDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                      const DeltaLayerInputs& in) {
  if (!KernelsInUse() || in.qkv.ndim() != 3 || in.qkv.shape(1) == 0) return false;
  const int batch = in.qkv.shape(0);
  const int steps = in.qkv.shape(1);
  const auto has = [&](const Array& x, int width, const Array& like) {
    return x.shape() == mx::Shape{batch, steps, width} && x.dtype() == like.dtype() && IsFloat(x);
  };
  return heads.taps > 0 && Size(heads.taps) <= Job::kMostTaps && IsFloat(weights.norm) &&
         heads.key_heads > 0 && heads.value_heads % heads.key_heads == 0 &&
         has(in.qkv, heads.channels(), in.qkv) && has(in.z, heads.values(), in.qkv) &&
         has(in.beta, heads.value_heads, in.beta) && has(in.a, heads.value_heads, in.beta) &&
         in.tail.shape() == mx::Shape{batch, heads.taps - 1, heads.channels()} &&
         in.state.dtype() == mx::float32 &&
         in.state.shape() == mx::Shape{batch, heads.value_heads, heads.value_dim, heads.key_dim};
}

DeltaLayerResult ApplyDeltaLayer(const DeltaHeads& heads, const DeltaLayerWeights& weights,
                                 const DeltaLayerInputs& in, float l2_eps) {
  constexpr int kState = 5;
  constexpr size_t kWeights = 6;
  const auto prepare = [heads, eps = weights.eps, l2_eps](const std::vector<Array>& from,
                                                          std::vector<Array>& out) -> Task {
    return Job{.key_heads = Size(heads.key_heads),
               .value_heads = Size(heads.value_heads),
               .key_dim = Size(heads.key_dim),
               .value_dim = Size(heads.value_dim),
               .taps = Size(heads.taps),
               .qkv = Strided(from[0]),
               .z = Strided(from[1]),
               .beta = Strided(from[2]),
               .a = Strided(from[3]),
               .tail = Strided(from[4]),
               .type = *FloatTypeOf(from[0].dtype()),
               .beta_type = *FloatTypeOf(from[2].dtype()),
               .in_chunks = PartingFor(from[0].dtype()) == Parting::kAnywhere,
               .by_tap = from[kWeights].data<float>(),
               .rate = from[kWeights + 1].data<float>(),
               .dt_bias = from[kWeights + 2].data<float>(),
               .norm = Strided(from[kWeights + 3]),
               .norm_type = *FloatTypeOf(from[kWeights + 3].dtype()),
               .eps = eps,
               .l2_eps = l2_eps,
               .y = BytesOf(out[0]),
               .after = BytesOf(out[1]),
               .state = out[2].data<float>()};
  };
  const mx::Shape rows = {in.qkv.shape(0), in.qkv.shape(1), heads.values()};
  const std::vector<Array> made =
      CpuOpOf("IngotDeltaLayer",
              {{rows, in.qkv.dtype()},
               {in.tail.shape(), in.qkv.dtype()},
               {in.state.shape(), mx::float32, kState}},
              {in.qkv, in.z, in.beta, in.a, ToTypeOf(in.tail, in.qkv), in.state, weights.by_tap,
               weights.rate, weights.dt_bias, weights.norm},
              prepare, kWeights);
  return {made[0], made[1], made[2]};
}

}  // namespace ingot::ops::cpu
