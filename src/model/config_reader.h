// Reads the fields of a config.json with their bounds, and collects what is wrong instead of
// stopping at the first: a model's config() function reads like a table, and asks at the end.
//
// The language model's part of a multimodal config ("text_config", "llm_config") is looked at
// first, then the root. One thread.
#ifndef INGOT_MODEL_CONFIG_READER_H_
#define INGOT_MODEL_CONFIG_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"

namespace ingot::model {

class ConfigReader {
 public:
  // config outlives the reader.
  explicit ConfigReader(const core::Json& config);

  // Present and an integer of at least 1 (sizes); at most 2^24.
  int Size(std::string_view key);
  int SizeOr(std::string_view key, int fallback);   // absent, null or 0: fallback
  int CountOr(std::string_view key, int fallback);  // 0 is a value
  float FloatOr(std::string_view key, float fallback);
  bool BoolOr(std::string_view key, bool fallback);
  std::string TextOr(std::string_view key, std::string_view fallback);
  std::vector<std::string> Texts(std::string_view key);
  std::vector<int> Counts(std::string_view key);

  // The value, wherever it stands; nullptr when it is absent or null.
  const core::Json* Find(std::string_view key) const;

  // For rules between fields: "num_attention_heads is not a multiple of …".
  void Require(bool holds, std::string_view message);
  core::Status Finish() const;  // all complaints in one

 private:
  std::optional<double> NumberOf(const core::Json& value) const;
  int Integer(std::string_view key, const core::Json& value, int least);

  const core::Json* text_ = nullptr;  // the language model's part, if apart
  const core::Json& root_;
  std::vector<std::string> complaints_;
};

// The same bounds for a JSON value that is not at the top: rope_parameters and the like.
std::optional<double> JsonNumber(const core::Json& value);

// architectures[0], else model_type; empty when there is neither.
std::string ArchitectureOf(const core::Json& config);

}  // namespace ingot::model

#endif  // INGOT_MODEL_CONFIG_READER_H_
