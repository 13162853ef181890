#include "tests/import/source_folder.h"

#include <cstring>
#include <fstream>
#include <stdexcept>

#include "core/env.h"
#include "core/strings.h"
#include "tensor/file.h"
#include "tensor/writer.h"

namespace ingot::import {
namespace {

using tensor::DType;

void WriteFile(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file << content;
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

uint64_t SeedOf(std::string_view name, uint64_t seed) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return hash ^ seed;
}

template <typename T>
void Put(Bytes& bytes, size_t index, T value) {
  std::memcpy(bytes.data() + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

uint64_t SplitMix(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Floats have a random sign and mantissa and an exponent from -8 to -1.
Bytes RandomBytes(DType dtype, uint64_t elements, uint64_t seed) {
  Bytes bytes((elements * static_cast<uint64_t>(BitsOf(dtype)) + 7) / 8);
  uint64_t state = seed;
  for (uint64_t i = 0; i < elements; ++i) {
    const uint64_t r = SplitMix(state);
    const uint64_t exponent = r & 7;
    switch (dtype) {
      case DType::kBF16:
        Put(bytes, i,
            static_cast<uint16_t>((r & 0x8000) | (119 + exponent) << 7 | (r >> 3 & 0x7f)));
        break;
      case DType::kF16:
        Put(bytes, i,
            static_cast<uint16_t>((r & 0x8000) | (7 + exponent) << 10 | (r >> 3 & 0x3ff)));
        break;
      case DType::kF32:
        Put(bytes, i,
            static_cast<uint32_t>((r >> 32 & 0x80000000) | (119 + exponent) << 23 |
                                  (r >> 3 & 0x7fffff)));
        break;
      case DType::kF64:
        Put(bytes, i,
            (r & 0x8000000000000000) | (1015 + exponent) << 52 | (r >> 3 & 0xfffffffffffff));
        break;
      case DType::kF8E4M3:
        Put(bytes, i, static_cast<uint8_t>((r & 0x7f) == 0x7f ? 0x30 : r & 0xff));
        break;
      default:
        for (uint64_t b = i * BitsOf(dtype) / 8; b < (i + 1) * BitsOf(dtype) / 8; ++b) {
          bytes[b] = static_cast<std::byte>(r >> (8 * (b % 8)));
        }
        break;
    }
  }
  return bytes;
}

SourceFolder::SourceFolder(std::filesystem::path directory, std::string_view config)
    : directory_(std::move(directory)) {
  AddFile("config.json", config);
}

SourceFolder& SourceFolder::Add(std::string name, DType dtype, std::vector<uint64_t> dims,
                                Bytes bytes) {
  tensors_[std::move(name)] = {dtype, std::move(dims), std::move(bytes)};
  return *this;
}

const Bytes& SourceFolder::AddRandom(std::string name, DType dtype, std::vector<uint64_t> dims,
                                     uint64_t seed) {
  uint64_t elements = 1;
  for (uint64_t dim : dims) elements *= dim;
  Bytes bytes = RandomBytes(dtype, elements, SeedOf(name, seed));
  Add(name, dtype, std::move(dims), std::move(bytes));
  return tensors_.at(name).bytes;
}

SourceFolder& SourceFolder::AddFile(std::string name, std::string_view content) {
  files_[std::move(name)] = content;
  return *this;
}

void SourceFolder::Write(size_t files) const {
  for (const auto& [name, content] : files_) WriteFile(directory_ / name, content);
  std::string index;
  for (size_t file = 0; file < files; ++file) {
    const std::string name =
        files == 1 ? "model.safetensors"
                   : core::StrCat("model-0000", file + 1, "-of-0000", files, ".safetensors");
    std::vector<tensor::TensorSpec> specs;
    size_t at = 0;
    for (const auto& [tensor, value] : tensors_) {
      if (at++ % files != file) continue;
      specs.push_back({tensor, value.dtype, *tensor::Shape::Make(value.dims)});
      index += core::StrCat(index.empty() ? "" : ",", "\"", tensor, "\":\"", name, "\"");
    }
    const auto plan = tensor::SafetensorsPlan::Make(std::move(specs));
    if (!plan.ok()) throw std::runtime_error(std::string(plan.status().message()));
    std::string content(plan->header());
    for (const tensor::PlannedTensor& planned : plan->tensors()) {
      const Bytes& bytes = tensors_.at(planned.spec.name).bytes;
      if (bytes.size() != planned.size) throw std::runtime_error("bytes of " + planned.spec.name);
      content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    WriteFile(directory_ / name, content);
  }
  if (files > 1) {
    WriteFile(directory_ / "model.safetensors.index.json",
              core::StrCat("{\"weight_map\":{", index, "}}"));
  }
}

std::map<std::string, TestTensor> ReadTensors(const std::filesystem::path& path) {
  const auto file = tensor::SafetensorsFile::Open(core::Env::Posix(), path);
  if (!file.ok()) throw std::runtime_error(std::string(file.status().message()));
  std::map<std::string, TestTensor> tensors;
  for (size_t i = 0; i < file->header().size(); ++i) {
    const auto view = file->View(i);
    if (!view.ok()) throw std::runtime_error(std::string(view.status().message()));
    TestTensor tensor{.dtype = view->dtype, .dims = {}, .bytes = {}};
    tensor.dims.assign(view->shape.begin(), view->shape.end());
    tensor.bytes.assign(view->bytes.begin(), view->bytes.end());
    tensors[std::string(view->name)] = std::move(tensor);
  }
  return tensors;
}

}  // namespace ingot::import
