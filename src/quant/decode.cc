#include "quant/decode.h"

#include <algorithm>

#include "core/strings.h"
#include "quant/encode.h"
#include "quant/kernels.h"

namespace ingot::quant {
namespace {

using core::InvalidArgument;
using core::Status;
using core::StrCat;

constexpr uint64_t kTaskValues = uint64_t{1} << 16;

// Output beyond this is not expected to be read again before it has left the caches.
constexpr uint64_t kStreamBytes = uint64_t{16} << 20;

Status CheckSize(std::string_view what, uint64_t found, uint64_t expected) {
  if (found == expected) return Status::Ok();
  return InvalidArgument(StrCat(what, " have ", found, " bytes, expected ", expected));
}

Status CheckArguments(const QuantizedRows& source, FloatType type, std::span<std::byte> out) {
  const Format format = source.format;
  INGOT_TRY(MakeFormat(format.mode, format.bits, format.group_size).status());
  INGOT_ASSIGN(const QuantizedSizes sizes,
               SizesFor(format, source.scale_type, source.rows, source.columns));
  INGOT_TRY(CheckSize("codes", source.codes.size(), sizes.codes));
  INGOT_TRY(CheckSize("scales", source.scales.size(), sizes.scales));
  INGOT_TRY(CheckSize("biases", source.biases.size(), sizes.biases));
  INGOT_TRY(CheckSize("the decoded rows", out.size(), source.rows * source.columns * SizeOf(type)));
  if (source.global_scale && !InfoOf(format.mode).takes_global_scale) {
    return InvalidArgument(StrCat(InfoOf(format.mode).name, " has no global scale"));
  }
  return Status::Ok();
}

}  // namespace

Status Decode(const QuantizedRows& source, FloatType type, std::span<std::byte> out,
              const DecodeOptions& options) {
  INGOT_TRY(CheckArguments(source, type, out));
  const Format format = source.format;
  const ModeInfo& info = InfoOf(format.mode);
  const uint64_t groups = source.rows * GroupsInRow(format, source.columns);
  const uint64_t code_bytes = uint64_t{format.group_size} * format.bits / 8;
  const uint64_t scale_bytes = ScaleSize(info.scales, source.scale_type);
  const Kernels& kernels = KernelsFor(options.isa);
  core::ThreadPool& pool = options.pool != nullptr ? *options.pool : core::ThreadPool::Shared();
  pool.ParallelFor(groups, kTaskValues / format.group_size, [&](size_t begin, size_t end) {
    kernels.decode({
        .format = format,
        .scale_type = source.scale_type,
        .type = type,
        .groups = end - begin,
        .codes = source.codes.data() + begin * code_bytes,
        .scales = source.scales.data() + begin * scale_bytes,
        .biases = info.has_biases ? source.biases.data() + begin * scale_bytes : nullptr,
        .global_scale = source.global_scale ? &*source.global_scale : nullptr,
        .out = out.data() + begin * format.group_size * SizeOf(type),
        .stream = out.size() >= kStreamBytes,
    });
  });
  return Status::Ok();
}

}  // namespace ingot::quant
