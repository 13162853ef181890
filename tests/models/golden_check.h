// Runs a model over tokens and holds its logits against a golden's.
#ifndef INGOT_TESTS_MODELS_GOLDEN_CHECK_H_
#define INGOT_TESTS_MODELS_GOLDEN_CHECK_H_

#include <cstddef>
#include <vector>

#include "model/language_model.h"
#include "tests/models/seeded_checkpoint.h"

namespace ingot::testing {

// Logits of all tokens, fed `chunk` at a time. [tokens · vocabulary]
std::vector<float> LogitsOf(const model::LanguageModel& model, const std::vector<int>& tokens,
                            size_t chunk);

// The prompt and the continuation, without its last token.
std::vector<int> FedTokens(const Golden& golden);

// The tolerance that docs/architecture.md states for fp32: 2e-3 of the logits' deviation on the
// prompt, and the reference's own choice wherever its two best differ by more than 0.01.
void ExpectMatches(const Golden& golden, const std::vector<float>& got);

// The largest difference, in deviations of `expected`; NaN where there is one.
double WorstError(const std::vector<float>& got, const std::vector<float>& expected);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_MODELS_GOLDEN_CHECK_H_
