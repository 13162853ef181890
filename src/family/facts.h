// The few facts of a config.json that names, rules and checks depend on, whatever nesting the
// family uses. Values; any thread.
#ifndef INGOT_FAMILY_FACTS_H_
#define INGOT_FAMILY_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"

namespace ingot::family {

struct Family;

struct ModelFacts {
  // The first entry of "architectures", else "model_type", else "text_config.model_type".
  std::string architecture;
  std::string model_type;
  uint32_t layers = 0;   // 0: config.json does not say
  uint32_t experts = 0;  // routed experts of a layer; 0: none, or not said
  uint32_t hidden_size = 0;
  uint32_t vocabulary = 0;
  uint32_t context_length = 0;
  bool tied_head = false;
  // Layers without experts in a model that has some, sorted.
  std::vector<uint32_t> dense_layers;
};

// config is the parsed config.json. Fails, naming the key, where a key that matters has a value of
// the wrong kind, and where nothing says which architecture it is.
core::Result<ModelFacts> ReadFacts(const core::Json& config);

}  // namespace ingot::family

#endif  // INGOT_FAMILY_FACTS_H_
