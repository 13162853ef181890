// How a checkpoint's rows become one vector a text, as the files of sentence-transformers beside it
// say: modules.json, the pooling module's own config.json, config_sentence_transformers.json and
// sentence_bert_config.json. Pure once read; any thread.
#ifndef INGOT_ENGINE_SENTENCE_CONFIG_H_
#define INGOT_ENGINE_SENTENCE_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "engine/model_files.h"

namespace ingot::engine {

enum class Pooling : uint8_t {
  kFirst,  // the first token's row
  kLast,   // the last token's row
  kMean,
  kMeanRoot,      // the sum of rows over the root of their number
  kWeightedMean,  // later rows count more: row i counts i + 1
  kMax,           // the largest of each column
};

struct SentenceConfig {
  std::vector<Pooling> pooling = {Pooling::kMean};          // their results one after the other
  bool normalise = true;                                    // to a length of one
  size_t max_tokens = 0;                                    // 0: as the model says
  std::map<std::string, std::string, std::less<>> prompts;  // put before a text, by name
  std::string default_prompt;                               // a name; may be empty

  // What is not there keeps the values above. A module that would have to be computed and cannot be
  // is refused by name.
  static core::Result<SentenceConfig> Read(const ModelFiles& files);
};

// rows [count, width] of one text → pooling.size() · width values.
std::vector<float> Pool(std::span<const float> rows, size_t width,
                        std::span<const Pooling> pooling);

// To a length of one; a vector of zeros stays one.
void Normalise(std::span<float> vector);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_SENTENCE_CONFIG_H_
