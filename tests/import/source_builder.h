// Makes inventories out of thin air, for tests of what is decided from headers alone. One thread.
#ifndef INGOT_TESTS_IMPORT_SOURCE_BUILDER_H_
#define INGOT_TESTS_IMPORT_SOURCE_BUILDER_H_

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "import/plan.h"

namespace ingot::import {

class SourceBuilder {
 public:
  explicit SourceBuilder(std::string_view config) {
    const core::Status status = SetConfig(inventory_, std::string(config));
    EXPECT_TRUE(status.ok()) << status.message();
    inventory_.directory = "/source";
    inventory_.files.push_back({"/source/model.safetensors", {}});
  }

  SourceBuilder& Add(std::string_view name, tensor::DType dtype,
                     const std::vector<uint64_t>& dims) {
    SourceTensor tensor;
    tensor.name = name;
    tensor.dtype = dtype;
    tensor.shape = *tensor::Shape::Make(dims);
    tensor.size = *ByteSize(dtype, tensor.shape);
    tensor.offset = offset_;
    offset_ += tensor.size;
    inventory_.tensors.push_back(std::move(tensor));
    return *this;
  }
  SourceBuilder& HfQuantConfig(std::string_view json) {
    inventory_.hf_quant_config = *core::ParseJson(json);
    return *this;
  }

  Inventory Build() const {
    Inventory inventory = inventory_;
    std::ranges::sort(inventory.tensors, {}, &SourceTensor::name);
    return inventory;
  }
  core::Result<Plan> Try(const Recipe& recipe = {}) const { return MakePlan(Build(), recipe); }
  Plan MustPlan(const Recipe& recipe = {}) const {
    auto plan = Try(recipe);
    EXPECT_TRUE(plan.ok()) << plan.status().message();
    return plan.ok() ? *std::move(plan) : Plan{};
  }
  std::string Error(const Recipe& recipe = {}) const {
    const auto plan = Try(recipe);
    EXPECT_FALSE(plan.ok()) << "the plan was made";
    return std::string(plan.status().message());
  }

 private:
  Inventory inventory_;
  uint64_t offset_ = 0;
};

inline const PlannedWeight* FindWeight(const Plan& plan, std::string_view name) {
  for (const PlannedBlob& blob : plan.blobs) {
    for (const PlannedWeight& weight : blob.weights) {
      if (weight.name == name) return &weight;
    }
  }
  return nullptr;
}

// "layer: weight=type, weight=type" a blob, names shortened by what they share with the layer's.
inline std::vector<std::string> Summary(const Plan& plan) {
  std::vector<std::string> lines;
  for (const PlannedBlob& blob : plan.blobs) {
    std::string line = blob.layer + ":";
    for (const PlannedWeight& weight : blob.weights) {
      std::string_view name = weight.name;
      if (name.starts_with(blob.layer)) name.remove_prefix(blob.layer.size());
      line += core::StrCat(" ", name, "=", StoredType(weight), ToString(weight.shape));
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace ingot::import

#endif  // INGOT_TESTS_IMPORT_SOURCE_BUILDER_H_
