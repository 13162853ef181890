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
  std::array<float, kPieceValues> plain, found;                      // decoded
  std::array<double, kPieceGroups> plain_errors, found_errors;
};

void Widen(FloatType type, const std::byte* from, size_t count, std::byte* to) {
  for (size_t i = 0; i < count; ++i) {
    StoreFloat(FloatType::kF32, LoadFloat(type, from, i), to, i);
  }
}

// As decoders give them, or in affine mode with scales and biases held as F32.
void Decode(const Kernels& kernels, const EncodeRun& piece, const float* global_scale, bool wide,
            Buffers& buffers, float* out) {
  DecodeRun run{.format = piece.format,
                .scale_type = piece.type,
                .type = FloatType::kF32,
                .groups = piece.groups,
                .codes = piece.codes,
                .scales = piece.scales,
                .biases = piece.biases,
                .global_scale = global_scale,
                .out = reinterpret_cast<std::byte*>(out),
                .stream = false};
  if (wide) {
    Widen(piece.type, piece.scales, piece.groups, buffers.wide_scales.data());
    Widen(piece.type, piece.biases, piece.groups, buffers.wide_biases.data());
    run.scale_type = FloatType::kF32;
    run.scales = buffers.wide_scales.data();
    run.biases = buffers.wide_biases.data();
  }
  kernels.decode(run);
}

// The squared error of one group in doubles, for what the kernels cannot add up.
double ExactError(const EncodeRun& piece, size_t group, const float* decoded) {
  const size_t size = piece.format.group_size;
  double sum = 0;
  for (size_t i = group * size; i < (group + 1) * size; ++i) {
    const double miss = static_cast<double>(decoded[i]) -
                        static_cast<double>(LoadFloat(piece.type, piece.source, i));
    sum += miss * miss;
  }
  return sum;
}

// Whether the proposal for a group has less error, beyond what the sums' rounding could feign. NaN
// is never less.
bool IsBetter(const EncodeRun& piece, size_t group, const Buffers& buffers) {
  constexpr double kMargin = 1 - 0x1p-16;
  const double plain = buffers.plain_errors[group];
  if (plain >= 0x1p-90 && plain <= 0x1p100) return buffers.found_errors[group] < plain * kMargin;
  return ExactError(piece, group, buffers.found.data()) <
         ExactError(piece, group, buffers.plain.data()) * kMargin;
}

// A bit a group: the proposal is better.
uint64_t Better(const Kernels& kernels, const EncodeRun& piece, const EncodeRun& found,
                const float* global_scale, bool wide, Buffers& buffers) {
  Decode(kernels, piece, global_scale, wide, buffers, buffers.plain.data());
  Decode(kernels, found, global_scale, wide, buffers, buffers.found.data());
  GroupErrorRun errors{.type = piece.type,
                       .group_size = piece.format.group_size,
                       .groups = piece.groups,
                       .source = piece.source,
                       .decoded = buffers.plain.data(),
                       .errors = buffers.plain_errors.data()};
  kernels.group_errors(errors);
  errors.decoded = buffers.found.data();
  errors.errors = buffers.found_errors.data();
  kernels.group_errors(errors);
  uint64_t better = 0;
  for (size_t g = 0; g < piece.groups; ++g) {
    better |= uint64_t{IsBetter(piece, g, buffers)} << g;
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
