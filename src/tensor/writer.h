// Writes safetensors files in the one canonical form that Ingot's digests rest on: the same tensors
// and metadata give the same bytes, whoever writes them and in whatever order they were named.
//
//   - top-level keys and data in bytewise order of the names, no hole and no tail
//   - compact JSON, inner keys sorted (data_offsets, dtype, shape), only what JSON demands escaped
//   - the header padded with spaces so that the data begins at a multiple of 64 bytes
//   - no __metadata__ where there is none
//
// A plan fixes everything but the data, so the length of the file is known before the first byte;
// the writer then takes the data in pieces. A plan is not changed once made; a writer belongs to
// one thread.
#ifndef INGOT_TENSOR_WRITER_H_
#define INGOT_TENSOR_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ingot::tensor {

inline constexpr uint64_t kDataAlignment = 64;

// Where a writer's bytes go, in order: a file, a hash, both.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // All of data, or an error.
  virtual core::Status Write(std::span<const std::byte> data) = 0;
};

// A tensor to be written.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kU8;
  Shape shape;
};

struct PlannedTensor {
  TensorSpec spec;
  uint64_t offset = 0;  // from the start of the data
  uint64_t size = 0;    // in bytes
};

class SafetensorsPlan {
 public:
  // In any order. Fails on names or metadata that are not UTF-8, on duplicates, on sizes that do
  // not fit and on a header that readers would refuse.
  static core::Result<SafetensorsPlan> Make(
      std::vector<TensorSpec> tensors, const std::map<std::string, std::string>& metadata = {});

  // In the order in which the data is to be given.
  const std::vector<PlannedTensor>& tensors() const { return tensors_; }
  // The bytes in front of the data: length, JSON, padding.
  std::string_view header() const { return header_; }
  uint64_t data_size() const { return data_size_; }
  uint64_t file_size() const { return header_.size() + data_size_; }

 private:
  std::vector<PlannedTensor> tensors_;
  std::string header_;
  uint64_t data_size_ = 0;
};

class SafetensorsWriter {
 public:
  // Both outlive the writer. The header goes to the sink with the first data, or at Finish.
  SafetensorsWriter(const SafetensorsPlan& plan, ByteSink& sink) : plan_(plan), sink_(sink) {}

  // The next bytes of the data, in pieces of any size. Fails, and writes nothing of them, when they
  // are more than the plan has left.
  core::Status Append(std::span<const std::byte> data);
  // The whole of the next tensor, which must be that one.
  core::Status AppendTensor(std::string_view name, std::span<const std::byte> data);
  // Fails when data is missing. After any failure the file is worthless and nothing more is taken.
  core::Status Finish();

  // Bytes of data taken so far.
  uint64_t position() const { return position_; }

 private:
  core::Status WriteHeader();
  core::Status Fail(core::Status status);
  const PlannedTensor* TensorAt(uint64_t position) const;

  const SafetensorsPlan& plan_;
  ByteSink& sink_;
  uint64_t position_ = 0;
  size_t next_ = 0;  // AppendTensor's
  bool header_written_ = false;
  bool finished_ = false;
  core::Status failure_;  // the first one; sticks
};

}  // namespace ingot::tensor

#endif  // INGOT_TENSOR_WRITER_H_
