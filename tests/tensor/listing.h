// What a safetensors file holds, as JSON, in the form that the Python scripts also give:
//   {"metadata": {…}, "tensors": {"<name>": ["<dtype>", [shape], "<sha256 of the data>"]}}
#ifndef INGOT_TESTS_TENSOR_LISTING_H_
#define INGOT_TESTS_TENSOR_LISTING_H_

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "core/env.h"
#include "core/json.h"
#include "core/sha256.h"
#include "tensor/header.h"

namespace ingot::tensor {

inline core::Json Entry(const TensorInfo& tensor, std::span<const std::byte> bytes) {
  core::Json shape = core::Json::array();
  for (const uint32_t dim : tensor.shape) shape.push_back(dim);
  return core::Json::array({std::string(NameOf(tensor.dtype)), std::move(shape),
                            core::HexLower(core::Sha256::Of(bytes))});
}

// data: what follows the header in the file.
inline core::Json Listing(const Header& header, std::string_view data) {
  core::Json tensors = core::Json::object();
  for (size_t i = 0; i < header.size(); ++i) {
    const TensorInfo tensor = header[i];
    tensors[std::string(tensor.name)] =
        Entry(tensor, core::AsBytes(data.substr(tensor.offset, tensor.size)));
  }
  core::Json metadata = core::Json::object();
  for (size_t i = 0; i < header.metadata_size(); ++i) {
    metadata[std::string(header.metadata(i).key)] = std::string(header.metadata(i).value);
  }
  return {{"metadata", metadata}, {"tensors", tensors}};
}

// Objects of this kind compare by their content, whatever the order of their keys.
inline nlohmann::json Unordered(const core::Json& json) {
  return nlohmann::json::parse(json.dump());
}

inline core::Json Parse(const std::string& text) {
  auto json = core::ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status().message();
  return json.ok() ? *std::move(json) : core::Json();
}

inline std::string Slurp(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace ingot::tensor

#endif  // INGOT_TESTS_TENSOR_LISTING_H_
