// What a request may ask for, by the names that Modelfiles, requests and `/set parameter` use:
// temperature, num_ctx, stop and so on. One table says for each what it means and where it goes.
//
// Values; any thread.
#ifndef INGOT_ENGINE_REQUEST_OPTIONS_H_
#define INGOT_ENGINE_REQUEST_OPTIONS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "engine/sampling_options.h"
#include "text/token/tokenizer.h"

namespace ingot::engine {

struct RequestOptions {
  SamplingOptions sampling;
  int num_predict = -1;                // tokens of the answer; -1: as far as the context goes
  int num_ctx = 0;                     // positions; 0: what the model was made for
  std::vector<std::string> stop = {};  // texts that end an answer
  // Texts that no repetition reaches across, for DRY: see ResolveBreakers.
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};
};

enum class OptionKind { kInteger, kNumber, kSeed, kTexts, kBias };

struct OptionInfo {
  std::string_view name;
  OptionKind kind;
  std::string_view meaning;
  // Where it goes, by its kind; the others are null.
  int* (*integer)(RequestOptions&) = nullptr;
  float* (*number)(RequestOptions&) = nullptr;
  std::vector<std::string>* (*texts)(RequestOptions&) = nullptr;
};

std::span<const OptionInfo> RequestOptionTable();

// One option from a JSON value. kNotFound for a name that is none, with the closest one that is;
// kInvalidArgument for a value of the wrong kind. Ranges are Validate's.
core::Status SetOption(RequestOptions& options, std::string_view name, const core::Json& value);
// The same from a command line: "0.7"; for a bias "17=-2.5". A list grows by the text.
core::Status SetOptionText(RequestOptions& options, std::string_view name, std::string_view text);

// What is there now, as SetOption would take it.
core::Json OptionValue(const RequestOptions& options, const OptionInfo& info);

// The tokens that contain one of the breakers' texts, put where the sampler looks for them. Nothing
// without a tokenizer, or when DRY is off.
void ResolveBreakers(const text::Tokenizer* tokenizer, RequestOptions& options);

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_REQUEST_OPTIONS_H_
