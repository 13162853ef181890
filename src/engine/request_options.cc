#include "engine/request_options.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/checked.h"
#include "core/strings.h"

namespace ingot::engine {
namespace {

using core::Json;
using core::Status;
using core::StrCat;
using O = RequestOptions;

constexpr size_t kMaxTexts = 1024;

constexpr OptionInfo Integer(std::string_view name, std::string_view meaning, int* (*at)(O&)) {
  return {name, OptionKind::kInteger, meaning, at, nullptr, nullptr};
}
constexpr OptionInfo Number(std::string_view name, std::string_view meaning, float* (*at)(O&)) {
  return {name, OptionKind::kNumber, meaning, nullptr, at, nullptr};
}
constexpr OptionInfo Texts(std::string_view name, std::string_view meaning,
                           std::vector<std::string>* (*at)(O&)) {
  return {name, OptionKind::kTexts, meaning, nullptr, nullptr, at};
}

constexpr std::array kTable = {
    Number("temperature", "0: always the likeliest token",
           [](O& o) { return &o.sampling.temperature; }),
    Integer("top_k", "Draw from the k likeliest (0: all)", [](O& o) { return &o.sampling.top_k; }),
    Number("top_p", "Draw from the likeliest that make up p (1: all)",
           [](O& o) { return &o.sampling.top_p; }),
    Number("min_p", "Drop what is less likely than p times the likeliest",
           [](O& o) { return &o.sampling.min_p; }),
    Number("typical_p", "Locally typical sampling (1: off)",
           [](O& o) { return &o.sampling.typical_p; }),
    Integer("repeat_last_n", "Tokens that penalties look back at (-1: all, 0: none)",
            [](O& o) { return &o.sampling.repeat_last_n; }),
    Number("repeat_penalty", "Divides the logits of recent tokens (1: off)",
           [](O& o) { return &o.sampling.repeat_penalty; }),
    Number("presence_penalty", "Taken from the logits of recent tokens",
           [](O& o) { return &o.sampling.presence_penalty; }),
    Number("frequency_penalty", "The same, for every occurrence",
           [](O& o) { return &o.sampling.frequency_penalty; }),
    OptionInfo{"logit_bias", OptionKind::kBias, "Added to a token's logit: TOKEN=VALUE"},
    Number("dry_multiplier", "Against repeated sequences (0: off)",
           [](O& o) { return &o.sampling.dry.multiplier; }),
    Number("dry_base", "How that grows with the sequence's length",
           [](O& o) { return &o.sampling.dry.base; }),
    Integer("dry_allowed_length", "Sequences up to this long are no repetition",
            [](O& o) { return &o.sampling.dry.allowed_length; }),
    Integer("dry_penalty_last_n", "Tokens looked back at for it (-1: all)",
            [](O& o) { return &o.sampling.dry.last_n; }),
    Texts("dry_sequence_breakers", "No repetition reaches across this text",
          [](O& o) { return &o.dry_sequence_breakers; }),
    Number("xtc_probability", "How often the top choices are excluded (0: off)",
           [](O& o) { return &o.sampling.xtc.probability; }),
    Number("xtc_threshold", "What is a top choice", [](O& o) { return &o.sampling.xtc.threshold; }),
    OptionInfo{"seed", OptionKind::kSeed, "Draw the same again (-1: a new seed each time)"},
    Integer("num_predict", "End after that many tokens (-1: no limit)",
            [](O& o) { return &o.num_predict; }),
    Integer("num_ctx", "Positions to use at most (0: all it was made for)",
            [](O& o) { return &o.num_ctx; }),
    Texts("stop", "End before this text", [](O& o) { return &o.stop; }),
};

// Names of the original that never had a meaning for models of this kind.
constexpr std::array<std::string_view, 8> kWithoutMeaning = {
    "num_keep", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "numa", "low_vram"};

Status WrongKind(const OptionInfo& info, std::string_view expected, const Json& value) {
  return core::InvalidArgument(
      StrCat(info.name, ": expected ", expected, ", found ",
             core::Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60)));
}

core::Result<const OptionInfo*> Find(std::string_view name) {
  std::vector<std::string> names;
  for (const OptionInfo& info : kTable) {
    if (info.name == name) return &info;
    names.emplace_back(info.name);
  }
  for (const std::string_view known : kWithoutMeaning) {
    if (name != known) continue;
    return core::Unsupported(StrCat("the option ", name, " means nothing to models of this kind"));
  }
  Status unknown = core::NotFound(StrCat("there is no option ", core::Quoted(name, 60)));
  if (const auto close = core::ClosestMatch(name, names)) {
    return std::move(unknown).WithHint(StrCat("Did you mean ", *close, "?"));
  }
  return std::move(unknown).WithHint(StrCat("There are ", core::Join(names, ", "), "."));
}

std::optional<int> ToInt(const Json& value) {
  if (value.is_number_unsigned()) return core::CheckedCast<int>(value.get<uint64_t>());
  if (value.is_number_integer()) return core::CheckedCast<int>(value.get<int64_t>());
  // 40.0, as some clients write it; what is behind the point is cut off, as Ollama does.
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (!(std::abs(number) <= 1e9)) return std::nullopt;
  return static_cast<int>(number);
}

Status SetSeed(RequestOptions& options, const OptionInfo& info, const Json& value) {
  if (value.is_number_unsigned()) {
    options.sampling.seed = value.get<uint64_t>();
    return Status::Ok();
  }
  // 42.0, as some clients write it, cut off likewise; beyond that a double is no seed of its own
  // any more.
  constexpr double kMostExact = 9007199254740992.0;
  const bool whole = value.is_number_integer() ||
                     (value.is_number_float() && std::abs(value.get<double>()) <= kMostExact);
  if (!whole) return WrongKind(info, "an integer", value);
  const auto seed = value.get<int64_t>();
  if (seed < -1) return WrongKind(info, "-1 or more", value);
  options.sampling.seed.reset();
  if (seed >= 0) options.sampling.seed = static_cast<uint64_t>(seed);
  return Status::Ok();
}

Status SetTexts(std::vector<std::string>& texts, const OptionInfo& info, const Json& value) {
  std::vector<std::string> read;
  const auto add = [&](const Json& text) {
    if (text.is_string() && read.size() < kMaxTexts) read.push_back(text.get<std::string>());
    return text.is_string();
  };
  bool valid = true;
  if (value.is_array()) {
    for (const Json& text : value) valid = valid && add(text);
  } else {
    valid = add(value);
  }
  if (!valid) return WrongKind(info, "a text or a list of texts", value);
  texts = std::move(read);
  return Status::Ok();
}

Status SetBias(RequestOptions& options, const OptionInfo& info, const Json& value) {
  if (!value.is_object()) return WrongKind(info, "an object of numbers by token", value);
  std::map<int, float> biases;
  for (const auto& [key, bias] : value.items()) {
    const std::optional<uint64_t> token = core::ParseUint(key);
    const std::optional<int> id = token ? core::CheckedCast<int>(*token) : std::nullopt;
    if (!id || !bias.is_number()) return WrongKind(info, "an object of numbers by token", value);
    biases[*id] = bias.get<float>();
  }
  options.sampling.logit_bias = std::move(biases);
  return Status::Ok();
}

// The number that the whole of a text is.
std::optional<double> ParseNumber(std::string_view text) {
  text = core::Trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::span<const OptionInfo> RequestOptionTable() { return kTable; }

Status SetOption(RequestOptions& options, std::string_view name, const Json& value) {
  INGOT_ASSIGN(const OptionInfo* info, Find(name));
  switch (info->kind) {
    case OptionKind::kInteger: {
      const std::optional<int> number = ToInt(value);
      if (!number) return WrongKind(*info, "an integer", value);
      *info->integer(options) = *number;
      return Status::Ok();
    }
    case OptionKind::kNumber:
      if (!value.is_number()) return WrongKind(*info, "a number", value);
      *info->number(options) = value.get<float>();
      return Status::Ok();
    case OptionKind::kSeed:
      return SetSeed(options, *info, value);
    case OptionKind::kTexts:
      return SetTexts(*info->texts(options), *info, value);
    case OptionKind::kBias:
      break;
  }
  return SetBias(options, *info, value);
}

Status SetOptionText(RequestOptions& options, std::string_view name, std::string_view text) {
  INGOT_ASSIGN(const OptionInfo* info, Find(name));
  if (info->kind == OptionKind::kTexts) {
    info->texts(options)->emplace_back(text);
    return Status::Ok();
  }
  if (info->kind == OptionKind::kBias) {
    const size_t equals = text.find('=');
    const std::optional<uint64_t> token = core::ParseUint(core::Trim(text.substr(0, equals)));
    const std::optional<double> bias =
        equals == std::string_view::npos ? std::nullopt : ParseNumber(text.substr(equals + 1));
    const std::optional<int> id = token ? core::CheckedCast<int>(*token) : std::nullopt;
    if (!id || !bias) return WrongKind(*info, "TOKEN=VALUE", Json(text));
    options.sampling.logit_bias[*id] = static_cast<float>(*bias);
    return Status::Ok();
  }
  // Numbers are what JSON reads as such, so that seeds keep all their digits.
  const core::Result<Json> value = core::ParseJson(core::Trim(text));
  const bool whole = info->kind != OptionKind::kNumber;
  const bool is_whole = value.ok() && (!value->is_number_float() ||
                                       value->get<double>() == std::floor(value->get<double>()));
  if (!value.ok() || !value->is_number() || (whole && !is_whole)) {
    return WrongKind(*info, whole ? "an integer" : "a number", Json(text));
  }
  return SetOption(options, name, *value);
}

Json OptionValue(const RequestOptions& options, const OptionInfo& info) {
  auto& writable = const_cast<RequestOptions&>(options);  // the table's accessors serve both ways
  switch (info.kind) {
    case OptionKind::kInteger:
      return *info.integer(writable);
    case OptionKind::kNumber: {
      // 0.8, not the double nearest to the float.
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof digits, *info.number(writable)).ptr;
      return ParseNumber({digits, static_cast<size_t>(end - digits)}).value_or(0);
    }
    case OptionKind::kSeed:
      return options.sampling.seed ? Json(*options.sampling.seed) : Json(-1);
    case OptionKind::kTexts:
      return *info.texts(writable);
    case OptionKind::kBias:
      break;
  }
  Json biases = Json::object();
  for (const auto& [token, bias] : options.sampling.logit_bias) biases[StrCat(token)] = bias;
  return biases;
}

void ResolveBreakers(const text::Tokenizer* tokenizer, RequestOptions& options) {
  options.sampling.dry.breakers.clear();
  if (tokenizer == nullptr || options.sampling.dry.multiplier == 0) return;
  for (text::TokenId id = 0; id < tokenizer->id_end(); ++id) {
    const std::string_view bytes = tokenizer->TokenBytes(id);
    for (const std::string& breaker : options.dry_sequence_breakers) {
      if (breaker.empty() || bytes.find(breaker) == std::string_view::npos) continue;
      options.sampling.dry.breakers.push_back(static_cast<int>(id));
      break;
    }
  }
}

}  // namespace ingot::engine
