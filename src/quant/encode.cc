#include "quant/encode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <vector>

#include "core/checked.h"
#include "core/strings.h"
#include "quant/effort.h"
#include "quant/exact_group.h"
#include "quant/kernels.h"

namespace ingot::quant {
namespace {

using core::InvalidArgument;
using core::Result;
using core::Status;
using core::StrCat;

// Values that one task encodes: enough to forget the cost of handing it out, few enough that a
// small tensor still feeds every thread and that what is decoded again for measuring is in cache.
constexpr uint64_t kTaskValues = uint64_t{1} << 16;
// Groups given to a kernel at once: its marks live on the stack.
constexpr uint64_t kRunGroups = 4096;

// What became of a row, or of the part of it seen so far.
struct RowFate {
  bool nonfinite = false;
  bool live = false;
  uint64_t zeroed_groups = 0;
};

void AddRange(std::span<const TileMarks> marks, uint64_t begin, uint64_t end, RowFate& fate) {
  while (begin < end) {
    const TileMarks& tile = marks[begin / kTileGroups];
    const uint64_t low = begin % kTileGroups;
    const uint64_t high = std::min<uint64_t>(low + end - begin, kTileGroups);
    const uint32_t range = (1u << high) - (1u << low);
    fate.nonfinite |= (tile.nonfinite & range) != 0;
    fate.live |= (tile.live & range) != 0;
    fate.zeroed_groups += static_cast<uint64_t>(std::popcount(tile.zeroed & range));
    begin += high - low;
  }
}

void AddRow(const RowFate& fate, uint64_t row, EncodeSummary& summary) {
  if (fate.nonfinite) {
    ++summary.nonfinite_rows;
    if (!summary.first_nonfinite_row) summary.first_nonfinite_row = row;
  }
  if (fate.zeroed_groups != 0 && !fate.live && !fate.nonfinite) {
    ++summary.zeroed_rows;
    if (!summary.first_zeroed_row) summary.first_zeroed_row = row;
  }
  summary.zeroed_groups += fate.zeroed_groups;
}

std::optional<uint64_t> Earlier(std::optional<uint64_t> a, std::optional<uint64_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

void Merge(const EncodeSummary& part, EncodeSummary& whole) {
  whole.rows += part.rows;
  whole.nonfinite_rows += part.nonfinite_rows;
  whole.first_nonfinite_row = Earlier(whole.first_nonfinite_row, part.first_nonfinite_row);
  whole.zeroed_rows += part.zeroed_rows;
  whole.first_zeroed_row = Earlier(whole.first_zeroed_row, part.first_zeroed_row);
  whole.zeroed_groups += part.zeroed_groups;
}

// What the tasks of one call share; read-only, but for the rows that each task owns.
struct Job {
  Format format;
  const Kernels& kernels;
  const FloatRows& source;
  const QuantizedBytes& out;
  uint64_t groups_in_row;
  Effort effort;
  std::optional<float> global_scale;
  std::optional<float> encode_scale;
  std::span<QuantError> row_errors;  // empty unless errors are measured

  uint64_t group_bytes() const { return format.group_size * SizeOf(source.type); }
  uint64_t code_bytes() const { return uint64_t{format.group_size} * format.bits / 8; }
  uint64_t scale_bytes() const { return ScaleSize(InfoOf(format.mode).scales, source.type); }
};

using RunMarks = std::array<TileMarks, kRunGroups / kTileGroups>;

// Groups [group, group + count), count <= kRunGroups, counted from the first row's first.
void EncodeGroups(const Job& job, uint64_t group, uint64_t count, RunMarks& marks) {
  const bool has_biases = InfoOf(job.format.mode).has_biases;
  const EncodeRun run{
      .format = job.format,
      .type = job.source.type,
      .groups = count,
      .source = job.source.bytes.data() + group * job.group_bytes(),
      .encode_scale = job.encode_scale ? &*job.encode_scale : nullptr,
      .codes = job.out.codes.data() + group * job.code_bytes(),
      .scales = job.out.scales.data() + group * job.scale_bytes(),
      .biases = has_biases ? job.out.biases.data() + group * job.scale_bytes() : nullptr,
      .marks = marks.data(),
  };
  job.kernels.encode(run);
  if (job.effort == Effort::kHigh) {
    ImproveRun(job.kernels, run, job.global_scale ? &*job.global_scale : nullptr);
  }
}

// Decodes one row again, a cache's worth at a time, and sums up what it lost.
void MeasureRow(const Job& job, uint64_t row, const RowFate& fate) {
  constexpr uint64_t kPiece = 4096;  // values: a multiple of every group size
  std::array<float, kPiece> decoded;
  QuantError& sums = job.row_errors[row];
  const bool has_biases = InfoOf(job.format.mode).has_biases;
  for (uint64_t done = 0; done < job.source.columns; done += kPiece) {
    const uint64_t count = std::min(kPiece, job.source.columns - done);
    const uint64_t group = row * job.groups_in_row + done / job.format.group_size;
    job.kernels.decode({
        .format = job.format,
        .scale_type = job.source.type,
        .type = FloatType::kF32,
        .groups = count / job.format.group_size,
        .codes = job.out.codes.data() + group * job.code_bytes(),
        .scales = job.out.scales.data() + group * job.scale_bytes(),
        .biases = has_biases ? job.out.biases.data() + group * job.scale_bytes() : nullptr,
        .global_scale = job.global_scale ? &*job.global_scale : nullptr,
        .out = reinterpret_cast<std::byte*>(decoded.data()),
        .stream = false,
    });
    job.kernels.measure({.type = job.source.type,
                         .count = count,
                         .source = job.source.bytes.data() + group * job.group_bytes(),
                         .decoded = decoded.data(),
                         .sums = &sums});
  }
  sums.groups = job.groups_in_row;
  sums.zeroed_groups = fate.zeroed_groups;
}

void FinishRow(const Job& job, uint64_t row, const RowFate& fate, EncodeSummary& summary) {
  AddRow(fate, row, summary);
  if (!job.row_errors.empty()) MeasureRow(job, row, fate);
}

// Rows of at most kRunGroups groups, as many at once as fit a run.
void EncodeShortRows(const Job& job, uint64_t begin, uint64_t end, EncodeSummary& summary) {
  RunMarks marks;
  const uint64_t rows_in_run = kRunGroups / job.groups_in_row;
  for (uint64_t first = begin; first < end; first += rows_in_run) {
    const uint64_t rows = std::min(rows_in_run, end - first);
    const uint64_t groups = rows * job.groups_in_row;
    EncodeGroups(job, first * job.groups_in_row, groups, marks);
    const bool plain =
        std::all_of(marks.begin(), marks.begin() + TilesFor(groups),
                    [](TileMarks tile) { return (tile.nonfinite | tile.zeroed) == 0; });
    if (plain && job.row_errors.empty()) continue;
    for (uint64_t row = 0; row < rows; ++row) {
      RowFate fate;
      AddRange(marks, row * job.groups_in_row, (row + 1) * job.groups_in_row, fate);
      FinishRow(job, first + row, fate, summary);
    }
  }
}

void EncodeLongRow(const Job& job, uint64_t row, EncodeSummary& summary) {
  RunMarks marks;
  RowFate fate;
  for (uint64_t done = 0; done < job.groups_in_row; done += kRunGroups) {
    const uint64_t groups = std::min(kRunGroups, job.groups_in_row - done);
    EncodeGroups(job, row * job.groups_in_row + done, groups, marks);
    AddRange(marks, 0, groups, fate);
  }
  FinishRow(job, row, fate, summary);
}

EncodeSummary EncodeTask(const Job& job, uint64_t begin, uint64_t end) {
  EncodeSummary summary;
  summary.rows = end - begin;
  if (job.groups_in_row <= kRunGroups) {
    EncodeShortRows(job, begin, end, summary);
  } else {
    for (uint64_t row = begin; row < end; ++row) EncodeLongRow(job, row, summary);
  }
  return summary;
}

Status CheckSize(std::string_view what, uint64_t found, uint64_t expected) {
  if (found == expected) return Status::Ok();
  return InvalidArgument(
      StrCat("the buffer for ", what, " has ", found, " bytes, expected ", expected));
}

Status CheckArguments(Format format, const FloatRows& source, const QuantizedBytes& out,
                      const EncodeOptions& options) {
  INGOT_TRY(MakeFormat(format.mode, format.bits, format.group_size).status());
  INGOT_ASSIGN(const QuantizedSizes sizes,
               SizesFor(format, source.type, source.rows, source.columns));
  const uint64_t source_bytes = source.rows * source.columns * SizeOf(source.type);
  INGOT_TRY(CheckSize("the source", source.bytes.size(), source_bytes));
  INGOT_TRY(CheckSize("codes", out.codes.size(), sizes.codes));
  INGOT_TRY(CheckSize("scales", out.scales.size(), sizes.scales));
  INGOT_TRY(CheckSize("biases", out.biases.size(), sizes.biases));
  if (options.global_scale && !InfoOf(format.mode).takes_global_scale) {
    return InvalidArgument(StrCat(InfoOf(format.mode).name, " has no global scale"));
  }
  return Status::Ok();
}

}  // namespace

Result<QuantizedSizes> SizesFor(Format format, FloatType type, uint64_t rows, uint64_t columns) {
  if (!Fits(format, columns)) {
    return InvalidArgument(StrCat("rows of ", columns, " values are no whole number of groups of ",
                                  uint64_t{format.group_size}));
  }
  // The source is the largest of all parts, so that no other product can wrap.
  const uint64_t factors[] = {rows, columns, 8};
  if (!core::CheckedProduct(factors)) {
    return InvalidArgument(StrCat(rows, " rows of ", columns, " values do not fit in memory"));
  }
  const ModeInfo& info = InfoOf(format.mode);
  const uint64_t scales = rows * GroupsInRow(format, columns) * ScaleSize(info.scales, type);
  return QuantizedSizes{.codes = rows * PackedWords(format, columns) * 4,
                        .scales = scales,
                        .biases = info.has_biases ? scales : 0};
}

Status Encode(Format format, const FloatRows& source, const QuantizedBytes& out,
              EncodeSummary* summary, const EncodeOptions& options) {
  INGOT_TRY(CheckArguments(format, source, out, options));
  if (source.rows == 0 || source.columns == 0) {
    summary->rows += source.rows;
    return Status::Ok();
  }
  std::vector<QuantError> row_errors(options.error == nullptr ? 0 : source.rows);
  Job job{.format = format,
          .kernels = KernelsFor(options.isa),
          .source = source,
          .out = out,
          .groups_in_row = GroupsInRow(format, source.columns),
          .effort = options.effort,
          .global_scale = options.global_scale,
          .encode_scale = {},
          .row_errors = row_errors};
  if (options.global_scale) job.encode_scale = Nvfp4EncodeScale(*options.global_scale);

  EncodeSummary all;
  std::mutex mutex;
  core::ThreadPool& pool = options.pool != nullptr ? *options.pool : core::ThreadPool::Shared();
  pool.ParallelFor(source.rows, std::max<uint64_t>(1, kTaskValues / source.columns),
                   [&](size_t begin, size_t end) {
                     const EncodeSummary part = EncodeTask(job, begin, end);
                     const std::lock_guard lock(mutex);
                     Merge(part, all);
                   });

  const uint64_t rows_before = summary->rows;
  if (all.first_nonfinite_row) *all.first_nonfinite_row += rows_before;
  if (all.first_zeroed_row) *all.first_zeroed_row += rows_before;
  Merge(all, *summary);
  for (const QuantError& row : row_errors) options.error->Add(row);
  return Status::Ok();
}

}  // namespace ingot::quant
