// Which layer of a model is of which kind: the fields of config.json that say it, in their several
// spellings. A wrong number of entries is a complaint of the reader.
#ifndef INGOT_MODEL_LAYER_PATTERN_H_
#define INGOT_MODEL_LAYER_PATTERN_H_

#include <string_view>
#include <vector>

#include "model/config_reader.h"

namespace ingot::model {

// One entry a layer: whether "layer_types" names it with a text that contains `kind`. Without that
// field every `interval`-th layer is of the kind, counted from 1; 0: none is.
std::vector<bool> LayersOfKind(ConfigReader& config, int layers, std::string_view kind,
                               int interval);

// Whether a layer's MLP is a mixture: "mlp_layer_types", else all from `first` on but those of
// "mlp_only_layers", every "decoder_sparse_step"-th.
std::vector<bool> SparseLayers(ConfigReader& config, int layers, int first = 0);

}  // namespace ingot::model

#endif  // INGOT_MODEL_LAYER_PATTERN_H_
