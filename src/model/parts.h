// Which stored tensors belong together: a weight and its scales, zero points and global scale,
// whichever of the two naming conventions wrote them and in whatever blob each lies.
//
//   on disk                                     here
//   <base>.weight                               the weight
//   <base>.weight.scale    or  <base>.scales    its scale         (<base>.weight_scale)
//   <base>.weight.bias     or  <base>.biases    its zero points   (<base>.weight_qbias)
//   <base>.weight.global_scale, <base>.global_scale, <base>.weight_scale_2
//                                               its global scale  (<base>.weight_global_scale)
//
// Stacked experts may have no ".weight" in their name; the same endings then follow the bare name.
// Where both conventions are present the singular one wins. An ending alone makes nothing an
// auxiliary: a tensor is one only if the weight that its name points to exists, so that a router's
// ".scale" and a layer's ".bias" stay what they are.
//
// Pure functions over names; any thread.
#ifndef INGOT_MODEL_PARTS_H_
#define INGOT_MODEL_PARTS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::model {

enum class Part { kScale, kQuantBias, kGlobalScale };

// Indices into the list of stored names.
struct WeightParts {
  size_t weight = 0;
  std::optional<size_t> scale;
  std::optional<size_t> quant_bias;
  std::optional<size_t> global_scale;
};

// Everything that is not somebody's auxiliary, by its own name.
using PartsByName = std::map<std::string, WeightParts, std::less<>>;

// names are distinct. Auxiliaries that a preferred spelling made superfluous are left out.
PartsByName GroupParts(std::span<const std::string_view> names);

// "<weight>_scale" and so on: what messages and tests call an auxiliary.
std::string PartName(std::string_view weight, Part part);

}  // namespace ingot::model

#endif  // INGOT_MODEL_PARTS_H_
