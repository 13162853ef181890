// Who hears of each layer while a model is pulled or pushed.
#ifndef INGOT_REGISTRY_LAYER_OBSERVER_H_
#define INGOT_REGISTRY_LAYER_OBSERVER_H_

#include <cstdint>

#include "store/manifest.h"

namespace ingot::registry {

struct LayerEvent {
  const store::Layer& layer;
  uint64_t done = 0;      // bytes that are there
  double seconds = 0;     // since its first request
  bool finished = false;  // it is in the store, or at the registry
};

// Called by one thread at a time.
class LayerObserver {
 public:
  virtual ~LayerObserver() = default;
  virtual void OnLayer(const LayerEvent& event) = 0;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_LAYER_OBSERVER_H_
