// Where a text may be cut without tearing what a reader takes for one character: extended grapheme
// clusters, without the rule for Indic conjuncts (Precompiled, who asks, looks only at clusters of
// fewer than six bytes, and no conjunct is so short). Pure functions.
#ifndef INGOT_TEXT_TOKEN_CLUSTERS_H_
#define INGOT_TEXT_TOKEN_CLUSTERS_H_

#include <cstddef>
#include <string_view>

namespace ingot::text {

// The end of the cluster that begins at `begin`; text is valid UTF-8 and begin < text.size().
size_t ClusterEnd(std::string_view text, size_t begin);

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_CLUSTERS_H_
