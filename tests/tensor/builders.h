// Safetensors files and sinks made up for tests, byte by byte rather than through our own writer.
#ifndef INGOT_TESTS_TENSOR_BUILDERS_H_
#define INGOT_TESTS_TENSOR_BUILDERS_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/status.h"
#include "tensor/header.h"
#include "tensor/writer.h"

namespace ingot::tensor {

inline std::string LittleEndian64(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

// A file with that header text and that data.
inline std::string FileBytes(std::string_view json, std::string_view data = "") {
  return LittleEndian64(json.size()).append(json).append(data);
}

inline void Spill(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

// ParseHeader on a file whose data has data_size bytes.
inline core::Result<Header> ParseWithData(std::string_view json, uint64_t data_size) {
  return ParseHeader(json, kLengthBytes + json.size() + data_size);
}

// {"<name>":{"dtype":"U8","shape":[<size>],"data_offsets":[<begin>,<begin+size>]}
inline std::string U8Entry(std::string_view name, uint64_t begin, uint64_t size) {
  return "\"" + std::string(name) + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(size) +
         "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(begin + size) + "]}";
}

// A file of one U8 tensor of two bytes.
inline std::string OneTensorFile(std::string_view name) {
  return FileBytes("{" + U8Entry(name, 0, 2) + "}", "ab");
}

class StringSink : public ByteSink {
 public:
  core::Status Write(std::span<const std::byte> data) override {
    bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
    return core::Status::Ok();
  }
  std::string bytes;
};

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace ingot::tensor

#endif  // INGOT_TESTS_TENSOR_BUILDERS_H_
