#include "quant/effort.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ingot::quant {
namespace {

// Groups improved at once; their proposals and decoded values live on the stack.
constexpr size_t kPieceGroups = 4 * kTileGroups;
constexpr size_t kMaxGroup = 128;
constexpr size_t kPieceValues = kPieceGroups * kMaxGroup;

// How the bytes of one group lie in a run.
struct GroupBytes {
  size_t codes, scales, biases;
};
GroupBytes BytesOf(const EncodeRun& run) {
  const ModeInfo& info = InfoOf(run.format.mode);
  const size_t scale = ScaleSize(info.scales, run.type);
  return {.codes = size_t{run.format.group_size} * run.format.bits / 8,
          .scales = scale,
          .biases = info.has_biases ? scale : 0};
}

struct Buffers {
  std::array<std::byte, kPieceValues> codes;
  std::array<std::byte, kPieceGroups * 4> scales, biases;
  std::array<std::byte, kPieceGroups * 4> wide_scales, wide_biases;  // as F32
  std::array<float, kPieceValues> source, decoded;
  std::array<double, kPieceGroups> plain_errors, found_errors;
};

// Squared errors of the groups of a piece. Sums in doubles, so that rounding decides nothing.
void SumErrors(size_t group_size, size_t groups, const float* source, const float* decoded,
               double* errors) {
  constexpr size_t kSums = 8;
  for (size_t g = 0; g < groups; ++g) {
    double sums[kSums] = {};
    for (size_t j = 0; j < group_size; j += kSums) {
      for (size_t i = 0; i < kSums; ++i) {
        const size_t at = g * group_size + j + i;
        const double miss = static_cast<double>(decoded[at]) - static_cast<double>(source[at]);
        sums[i] += miss * miss;
      }
    }
    errors[g] = 0;
    for (double sum : sums) errors[g] += sum;
  }
}

void Decode(const Kernels& kernels, const EncodeRun& run, const float* global_scale,
            FloatType scale_type, const std::byte* scales, const std::byte* biases, float* out) {
  kernels.decode({.format = run.format,
                  .scale_type = scale_type,
                  .type = FloatType::kF32,
                  .groups = run.groups,
                  .codes = run.codes,
                  .scales = scales,
                  .biases = biases,
                  .global_scale = global_scale,
                  .out = reinterpret_cast<std::byte*>(out),
                  .stream = false});
}

void Widen(FloatType type, const std::byte* from, size_t count, std::byte* to) {
  for (size_t i = 0; i < count; ++i) {
    StoreFloat(FloatType::kF32, LoadFloat(type, from, i), to, i);
  }
}

// Errors of a piece as it stands: as decoded, or in affine mode with the scales held as F32.
void Measure(const Kernels& kernels, const EncodeRun& piece, const float* global_scale, bool wide,
             Buffers& buffers, double* errors) {
  if (wide) {
    Widen(piece.type, piece.scales, piece.groups, buffers.wide_scales.data());
    Widen(piece.type, piece.biases, piece.groups, buffers.wide_biases.data());
    Decode(kernels, piece, global_scale, FloatType::kF32, buffers.wide_scales.data(),
           buffers.wide_biases.data(), buffers.decoded.data());
  } else {
    Decode(kernels, piece, global_scale, piece.type, piece.scales, piece.biases,
           buffers.decoded.data());
  }
  SumErrors(piece.format.group_size, piece.groups, buffers.source.data(), buffers.decoded.data(),
            errors);
}

// A bit a group: the proposal's errors are less. NaN is never less.
uint64_t Better(const Kernels& kernels, const EncodeRun& plain, const EncodeRun& found,
                const float* global_scale, bool wide, Buffers& buffers) {
  Measure(kernels, plain, global_scale, wide, buffers, buffers.plain_errors.data());
  Measure(kernels, found, global_scale, wide, buffers, buffers.found_errors.data());
  uint64_t better = 0;
  for (size_t g = 0; g < plain.groups; ++g) {
    better |= uint64_t{buffers.found_errors[g] < buffers.plain_errors[g]} << g;
  }
  return better;
}

void TakeGroup(const EncodeRun& from, const EncodeRun& to, const GroupBytes& bytes, size_t group) {
  std::memcpy(to.codes + group * bytes.codes, from.codes + group * bytes.codes, bytes.codes);
  std::memcpy(to.scales + group * bytes.scales, from.scales + group * bytes.scales, bytes.scales);
  if (bytes.biases != 0) {
    std::memcpy(to.biases + group * bytes.biases, from.biases + group * bytes.biases, bytes.biases);
  }
  // Less error than all zeros have means that something is there.
  TileMarks& marks = to.marks[group / kTileGroups];
  const auto bit = static_cast<uint16_t>(1u << (group % kTileGroups));
  marks.live |= bit;
  marks.zeroed &= static_cast<uint16_t>(~bit);
}

void ImprovePiece(const Kernels& kernels, const EncodeRun& piece, const float* global_scale,
                  Buffers& buffers) {
  EncodeRun found = piece;
  found.codes = buffers.codes.data();
  found.scales = buffers.scales.data();
  found.biases = buffers.biases.data();
  kernels.search(found);
  const size_t values = piece.groups * piece.format.group_size;
  for (size_t i = 0; i < values; ++i) {
    buffers.source[i] = LoadFloat(piece.type, piece.source, i);
  }
  uint64_t better = Better(kernels, piece, found, global_scale, false, buffers);
  if (better != 0 && piece.format.mode == Mode::kAffine && piece.type != FloatType::kF32) {
    better &= Better(kernels, piece, found, global_scale, true, buffers);
  }
  const GroupBytes bytes = BytesOf(piece);
  for (size_t g = 0; g < piece.groups; ++g) {
    if ((better >> g & 1u) != 0) TakeGroup(found, piece, bytes, g);
  }
}

}  // namespace

void ImproveRun(const Kernels& kernels, const EncodeRun& run, const float* global_scale) {
  Buffers buffers;
  const GroupBytes bytes = BytesOf(run);
  const size_t source_bytes = run.format.group_size * SizeOf(run.type);
  for (size_t first = 0; first < run.groups; first += kPieceGroups) {
    EncodeRun piece = run;
    piece.groups = std::min(kPieceGroups, run.groups - first);
    piece.source += first * source_bytes;
    piece.codes += first * bytes.codes;
    piece.scales += first * bytes.scales;
    if (bytes.biases != 0) piece.biases += first * bytes.biases;
    piece.marks += first / kTileGroups;
    ImprovePiece(kernels, piece, global_scale, buffers);
  }
}

}  // namespace ingot::quant
