#include "engine/sampling_options.h"

#include <cmath>
#include <string_view>

#include "core/strings.h"

namespace ingot::engine {
namespace {

struct Bound {
  std::string_view name;
  double value;
  double least;
  double most;
};

core::Status Check(const Bound& bound) {
  if (bound.value >= bound.least && bound.value <= bound.most) return core::Status::Ok();
  return core::InvalidArgument(core::StrCat(bound.name, ": expected ", bound.least, " to ",
                                            bound.most, ", found ", bound.value));
}

core::Status CheckToken(std::string_view name, int token, int vocabulary) {
  if (token >= 0 && token < vocabulary) return core::Status::Ok();
  return core::InvalidArgument(
      core::StrCat(name, ": token ", token, " is not in the vocabulary of ", vocabulary));
}

}  // namespace

core::Status Validate(const SamplingOptions& options, int vocabulary) {
  constexpr double kMany = 1 << 24;
  const Bound bounds[] = {
      {"temperature", options.temperature, 0, 100},
      {"top_k", static_cast<double>(options.top_k), 0, kMany},
      {"top_p", options.top_p, 0, 1},
      {"min_p", options.min_p, 0, 1},
      {"typical_p", options.typical_p, 0, 1},
      {"repeat_last_n", static_cast<double>(options.repeat_last_n), -1, kMany},
      {"repeat_penalty", options.repeat_penalty, 1e-3, 100},
      {"presence_penalty", options.presence_penalty, -100, 100},
      {"frequency_penalty", options.frequency_penalty, -100, 100},
      {"dry_multiplier", options.dry.multiplier, 0, 100},
      {"dry_base", options.dry.base, 1, 100},
      {"dry_allowed_length", static_cast<double>(options.dry.allowed_length), 1, kMany},
      {"dry_penalty_last_n", static_cast<double>(options.dry.last_n), -1, kMany},
      {"xtc_probability", options.xtc.probability, 0, 1},
      {"xtc_threshold", options.xtc.threshold, 0, 1},
  };
  for (const Bound& bound : bounds) INGOT_TRY(Check(bound));
  for (const auto& [token, bias] : options.logit_bias) {
    INGOT_TRY(CheckToken("logit_bias", token, vocabulary));
    if (!std::isfinite(bias)) return core::InvalidArgument("logit_bias: expected a finite number");
  }
  for (const int token : options.suppressed) {
    INGOT_TRY(CheckToken("suppress_tokens", token, vocabulary));
  }
  for (const int token : options.dry.breakers) {
    INGOT_TRY(CheckToken("dry_sequence_breakers", token, vocabulary));
  }
  return core::Status::Ok();
}

}  // namespace ingot::engine
