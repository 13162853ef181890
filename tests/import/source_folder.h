// Writes model folders for tests: a config.json and safetensors files with values from a seed. One
// thread.
#ifndef INGOT_TESTS_IMPORT_SOURCE_FOLDER_H_
#define INGOT_TESTS_IMPORT_SOURCE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace ingot::import {

using Bytes = std::vector<std::byte>;

struct TestTensor {
  tensor::DType dtype = tensor::DType::kU8;
  std::vector<uint64_t> dims;
  Bytes bytes;
};

// Numbers that depend on nothing but the seed: the same on every machine, and in Python
// (tools/reference/seeded.py).
uint64_t SplitMix(uint64_t& state);

class SourceFolder {
 public:
  explicit SourceFolder(std::filesystem::path directory, std::string_view config);

  // With these bytes.
  SourceFolder& Add(std::string name, tensor::DType dtype, std::vector<uint64_t> dims, Bytes bytes);
  // With values from the seed of the name: floats around ±1, 8-bit floats without NaN, any bytes
  // for other types. Returns the bytes.
  const Bytes& AddRandom(std::string name, tensor::DType dtype, std::vector<uint64_t> dims,
                         uint64_t seed = 1);
  SourceFolder& AddFile(std::string name, std::string_view content);

  // Into this many files, with an index if there is more than one.
  void Write(size_t files = 1) const;

  const std::filesystem::path& path() const { return directory_; }
  const std::map<std::string, TestTensor>& tensors() const { return tensors_; }
  const Bytes& BytesOf(const std::string& name) const { return tensors_.at(name).bytes; }

 private:
  std::filesystem::path directory_;
  std::map<std::string, TestTensor> tensors_;
  std::map<std::string, std::string> files_;
};

Bytes RandomBytes(tensor::DType dtype, uint64_t elements, uint64_t seed);

// Every tensor of a safetensors file.
std::map<std::string, TestTensor> ReadTensors(const std::filesystem::path& file);

}  // namespace ingot::import

#endif  // INGOT_TESTS_IMPORT_SOURCE_FOLDER_H_
