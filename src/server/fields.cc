#include "server/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "core/checked.h"
#include "core/strings.h"
#include "server/http_types.h"

namespace ingot::server {
namespace {

using core::Json;
using core::Result;
using core::Status;
using core::StrCat;

constexpr size_t kMaxTexts = 4096;
// Longer than anybody will wait, and far from where sums of nanoseconds wrap.
constexpr double kMostSeconds = 100.0 * 365 * 24 * 3600;

std::optional<int64_t> WholeNumber(const Json& value) {
  if (value.is_number_unsigned()) return core::CheckedCast<int64_t>(value.get<uint64_t>());
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (number != std::floor(number) || std::abs(number) > 9e15) return std::nullopt;
  return static_cast<int64_t>(number);
}

engine::KeepAlive KeepAliveOf(double seconds) {
  if (seconds < 0) return engine::KeepAlive(-1);
  return engine::KeepAlive(static_cast<int64_t>(std::ceil(std::min(seconds, kMostSeconds))));
}

}  // namespace

Status WrongField(std::string_view name, std::string_view expected, const Json& found) {
  return core::InvalidArgument(
      StrCat(name, ": expected ", expected, ", found ", core::Printable(WireJson(found), 60)));
}

std::optional<std::chrono::nanoseconds> ParseGoDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  // Longer names before those that they begin with.
  constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                           {"us", 1e3},
                                           {"\xC2\xB5s", 1e3},
                                           {"\xCE\xBCs", 1e3},
                                           {"ms", 1e6},
                                           {"s", 1e9},
                                           {"m", 6e10},
                                           {"h", 3.6e12}}};
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    if (text.front() != '.' && (text.front() < '0' || text.front() > '9')) return std::nullopt;
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const auto* const unit = std::find_if(
        kUnits.begin(), kUnits.end(), [&](const Unit& one) { return text.starts_with(one.name); });
    if (unit == kUnits.end()) return std::nullopt;
    text.remove_prefix(unit->name.size());
    sum += number * unit->nanoseconds;
  }
  sum = std::min(sum, kMostSeconds * 1e9);
  return std::chrono::nanoseconds(std::llround(negative ? -sum : sum));
}

Result<Json> ParseBody(std::string_view body) {
  if (core::Trim(body).empty()) return core::InvalidArgument("missing request body");
  core::Result<Json> json = core::ParseJson(body);
  if (!json.ok()) return core::InvalidArgument(std::string(json.status().message()));
  return json;
}

Result<Fields> Fields::Parse(std::string_view body) {
  INGOT_ASSIGN(Json json, ParseBody(body));
  if (!json.is_object()) return core::InvalidArgument("the body must be a JSON object");
  return Fields(std::move(json));
}

const Json* Fields::Take(std::string_view name) {
  taken_.emplace_back(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::optional<std::string>> Fields::Text(std::string_view name) {
  const Json* value = Take(name);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return WrongField(name, "a text", *value);
  return std::optional<std::string>(value->get<std::string>());
}

Result<std::optional<bool>> Fields::Bool(std::string_view name) {
  const Json* value = Take(name);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return WrongField(name, "true or false", *value);
  return std::optional<bool>(value->get<bool>());
}

Result<std::optional<int64_t>> Fields::Int(std::string_view name, int64_t least, int64_t most) {
  const Json* value = Take(name);
  if (value == nullptr) return std::optional<int64_t>();
  const std::optional<int64_t> number = WholeNumber(*value);
  if (!number || *number < least || *number > most) {
    return WrongField(name, StrCat("a whole number from ", least, " to ", most), *value);
  }
  return number;
}

Result<std::optional<double>> Fields::Number(std::string_view name, double least, double most) {
  const Json* value = Take(name);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number() || !(value->get<double>() >= least) || !(value->get<double>() <= most)) {
    return WrongField(name, StrCat("a number from ", least, " to ", most), *value);
  }
  return std::optional<double>(value->get<double>());
}

Result<std::vector<std::string>> Fields::Texts(std::string_view name) {
  const Json* value = Take(name);
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->is_string()) {
    texts.push_back(value->get<std::string>());
    return texts;
  }
  if (!value->is_array()) return WrongField(name, "a text or a list of texts", *value);
  if (value->size() > kMaxTexts) {
    return core::InvalidArgument(StrCat(name, ": over ", kMaxTexts, " texts"));
  }
  for (const Json& text : *value) {
    if (!text.is_string()) return WrongField(name, "a list of texts", text);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

Result<std::optional<engine::KeepAlive>> Fields::Duration(std::string_view name) {
  const Json* value = Take(name);
  if (value == nullptr) return std::optional<engine::KeepAlive>();
  if (value->is_number()) return std::optional(KeepAliveOf(value->get<double>()));
  if (value->is_string()) {
    const std::string text = value->get<std::string>();
    if (const auto duration = ParseGoDuration(text)) {
      return std::optional(KeepAliveOf(static_cast<double>(duration->count()) * 1e-9));
    }
    // "300", as the original takes it.
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc() && end == text.data() + text.size()) {
      return std::optional(KeepAliveOf(static_cast<double>(seconds)));
    }
  }
  return WrongField(name, "seconds, or a duration such as \"5m\"", *value);
}

Status Fields::Refuse(std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) continue;
    return core::Unsupported(StrCat(name, " is not supported by this server"));
  }
  return Status::Ok();
}

Status Fields::Done() const {
  for (const auto& [name, value] : object_.items()) {
    if (std::find(taken_.begin(), taken_.end(), name) != taken_.end()) continue;
    if (value.is_null()) continue;
    Status unknown = core::InvalidArgument(StrCat("there is no field ", core::Quoted(name, 60)));
    if (const auto close = core::ClosestMatch(name, taken_)) {
      return std::move(unknown).WithHint(StrCat("Did you mean ", *close, "?"));
    }
    return unknown;
  }
  return Status::Ok();
}

}  // namespace ingot::server
