#include "import/parameters.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/json.h"
#include "core/strings.h"
#include "store/json_text.h"

namespace ingot::import {
namespace {

using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

enum class Kind : uint8_t { kFloat, kInteger, kBool, kTexts };

struct Option {
  std::string_view name;
  Kind kind;
};
constexpr Option kOptions[] = {
    {"num_ctx", Kind::kInteger},
    {"num_batch", Kind::kInteger},
    {"num_gpu", Kind::kInteger},
    {"main_gpu", Kind::kInteger},
    {"use_mmap", Kind::kBool},
    {"num_thread", Kind::kInteger},
    {"draft_num_predict", Kind::kInteger},
    {"num_keep", Kind::kInteger},
    {"seed", Kind::kInteger},
    {"num_predict", Kind::kInteger},
    {"top_k", Kind::kInteger},
    {"top_p", Kind::kFloat},
    {"min_p", Kind::kFloat},
    {"typical_p", Kind::kFloat},
    {"repeat_last_n", Kind::kInteger},
    {"temperature", Kind::kFloat},
    {"repeat_penalty", Kind::kFloat},
    {"presence_penalty", Kind::kFloat},
    {"frequency_penalty", Kind::kFloat},
    {"stop", Kind::kTexts},
};

// Understood by programs of old, and by nobody now.
constexpr std::string_view kObsolete[] = {"penalize_newline", "low_vram",     "f16_kv",
                                          "logits_all",       "vocab_only",   "use_mlock",
                                          "mirostat",         "mirostat_tau", "mirostat_eta"};

constexpr std::string_view kTrue[] = {"1", "t", "T", "TRUE", "true", "True"};
constexpr std::string_view kFalse[] = {"0", "f", "F", "FALSE", "false", "False"};

template <typename List, typename Value>
bool Holds(const List& list, const Value& value) {
  return std::ranges::find(list, value) != std::end(list);
}

std::optional<Kind> KindOf(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return option.kind;
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> Parse(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// The shortest decimal that reads back as the same float, without an exponent where it is not long,
// and with no more digits in the exponent than it needs.
std::string FloatText(float value) {
  const float size = std::fabs(value);
  const bool plain = size == 0 || (size >= 1e-6F && size < 1e21F);
  char buffer[64];
  const auto end =
      plain ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed)
            : std::to_chars(buffer, buffer + sizeof buffer, value);
  std::string text(buffer, end.ptr);
  if (const size_t zero = text.find("e-0"); zero != std::string::npos) text.erase(zero + 2, 1);
  return text;
}

// The JSON text of a value of that kind.
Result<std::string> Encode(std::string_view name, Kind kind, std::string_view text) {
  const auto wrong = [&](std::string_view expected) {
    return core::InvalidArgument(
        StrCat("the parameter ", Quoted(name), " is ", Quoted(text, 60), ", expected ", expected));
  };
  switch (kind) {
    case Kind::kFloat: {
      const auto value = Parse<float>(text);
      if (!value || !std::isfinite(*value)) return wrong("a number");
      return FloatText(*value);
    }
    case Kind::kInteger: {
      const auto value = Parse<int64_t>(text);
      if (!value) return wrong("a whole number");
      return StrCat(*value);
    }
    case Kind::kBool:
      if (Holds(kTrue, text)) return std::string("true");
      if (Holds(kFalse, text)) return std::string("false");
      return wrong("true or false");
    case Kind::kTexts: {
      std::string json;
      store::AppendJsonString(json, text);
      return json;
    }
  }
  return core::Internal("a kind of parameter that nobody encodes");
}

}  // namespace

Status Parameters::Add(std::string_view name, std::string_view value) {
  const auto kind = KindOf(name);
  if (!kind) {
    if (Holds(kObsolete, name)) {
      return core::Unsupported(
          StrCat("the parameter ", Quoted(name), " has no meaning any more: remove it"));
    }
    std::vector<std::string> names;
    for (const Option& option : kOptions) names.emplace_back(option.name);
    const auto closest = core::ClosestMatch(name, names);
    Status unknown = core::InvalidArgument(StrCat("unknown parameter ", Quoted(name, 60)));
    return closest ? std::move(unknown).WithHint(StrCat("did you mean ", *closest, "?")) : unknown;
  }
  INGOT_ASSIGN(std::string json, Encode(name, *kind, value));
  Value& entry = values_[std::string(name)];
  entry.list = *kind == Kind::kTexts;
  if (!entry.list) entry.json.clear();
  entry.json.push_back(std::move(json));
  return Status::Ok();
}

std::string Parameters::ToJson() const {
  store::JsonObjectText object;
  for (const auto& [name, value] : values_) {
    object.Raw(name,
               value.list ? StrCat("[", core::Join(value.json, ","), "]") : value.json.front());
  }
  return object.Take() + "\n";
}

Result<Parameters> Parameters::FromJson(std::string_view json) {
  INGOT_ASSIGN(const core::Json object, core::ParseJson(json));
  if (!object.is_object()) return core::Corrupt("parameters are stored as an object");
  Parameters parameters;
  for (const auto& [name, value] : object.items()) {
    if (value.is_array()) {
      for (const core::Json& element : value) {
        if (!element.is_string()) {
          return core::Corrupt(StrCat("the parameter ", Quoted(name), " is no list of texts"));
        }
        INGOT_TRY(parameters.Add(name, element.get_ref<const std::string&>()));
      }
      continue;
    }
    INGOT_TRY(parameters.Add(name, value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return parameters;
}

void Parameters::Merge(const Parameters& newer) {
  for (const auto& [name, value] : newer.values_) values_[name] = value;
}

}  // namespace ingot::import
