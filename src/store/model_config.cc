#include "store/model_config.h"

#include <array>
#include <variant>

#include "core/json.h"
#include "core/strings.h"
#include "store/json_keys.h"
#include "store/json_text.h"

namespace ingot::store {
namespace {

using core::JsonKind;
using core::JsonReader;
using core::Result;
using core::Status;
using core::StrCat;

constexpr core::JsonLimits kLimits = {.max_bytes = kMaxConfigBytes, .max_depth = 32};
constexpr size_t kMaxListEntries = 1000;
constexpr size_t kMaxExtraFields = 1000;

// What a member of an object is and where it goes. The order of a table is the order of writing.
template <typename T>
struct Field {
  std::string_view key;
  std::variant<std::string T::*, uint64_t T::*, std::vector<std::string> T::*,
               std::optional<std::vector<std::string>> T::*, std::optional<DraftConfig> T::*>
      member;
  bool always = false;  // written even when empty
};

constexpr std::array<Field<DraftConfig>, 4> kDraftFields = {{
    {"model_format", &DraftConfig::model_format},
    {"architecture", &DraftConfig::architecture},
    {"tensor_prefix", &DraftConfig::tensor_prefix},
    {"config", &DraftConfig::config},
}};

constexpr std::array<Field<ModelConfig>, 17> kFields = {{
    {"model_format", &ModelConfig::model_format, true},
    {"model_family", &ModelConfig::model_family, true},
    {"model_families", &ModelConfig::model_families, true},
    {"model_type", &ModelConfig::model_type, true},
    {"file_type", &ModelConfig::file_type, true},
    {"renderer", &ModelConfig::renderer},
    {"parser", &ModelConfig::parser},
    {"requires", &ModelConfig::requires_version},
    {"remote_host", &ModelConfig::remote_host},
    {"remote_model", &ModelConfig::remote_model},
    {"capabilities", &ModelConfig::capabilities},
    {"context_length", &ModelConfig::context_length},
    {"embedding_length", &ModelConfig::embedding_length},
    {"base_name", &ModelConfig::base_name},
    {"draft", &ModelConfig::draft},
    {"architecture", &ModelConfig::architecture, true},
    {"os", &ModelConfig::os, true},
}};

template <typename T, size_t N>
constexpr std::array<std::string_view, N> KeysOf(const std::array<Field<T>, N>& fields) {
  std::array<std::string_view, N> keys;
  for (size_t i = 0; i < N; ++i) keys[i] = fields[i].key;
  return keys;
}

constexpr auto kDraftKeys = KeysOf(kDraftFields);
constexpr auto kKeys = KeysOf(kFields);

using Extra = std::vector<std::pair<std::string, std::string>>;

template <typename T, size_t N>
Status ReadObject(JsonReader& reader, const std::array<Field<T>, N>& fields,
                  const std::array<std::string_view, N>& keys, T& out, Extra* extra);

Status Read(JsonReader& reader, std::string& out) {
  INGOT_ASSIGN(out, reader.String());
  return Status::Ok();
}

Status Read(JsonReader& reader, uint64_t& out) {
  INGOT_ASSIGN(out, reader.Unsigned());
  return Status::Ok();
}

Status Read(JsonReader& reader, std::vector<std::string>& out) {
  INGOT_TRY(reader.BeginArray());
  while (true) {
    INGOT_ASSIGN(const bool more, reader.NextElement());
    if (!more) return Status::Ok();
    if (out.size() == kMaxListEntries) {
      return core::Exhausted(StrCat("more than ", kMaxListEntries, " entries"));
    }
    INGOT_TRY(Read(reader, out.emplace_back()));
  }
}

Status Read(JsonReader& reader, std::optional<std::vector<std::string>>& out) {
  return Read(reader, out.emplace());
}

Status Read(JsonReader& reader, std::optional<DraftConfig>& out) {
  return ReadObject(reader, kDraftFields, kDraftKeys, out.emplace(), nullptr);
}

// Unknown members go to extra, or are skipped where there is none.
template <typename T, size_t N>
Status ReadObject(JsonReader& reader, const std::array<Field<T>, N>& fields,
                  const std::array<std::string_view, N>& keys, T& out, Extra* extra) {
  INGOT_TRY(reader.BeginObject());
  KeySet known(keys);
  while (true) {
    INGOT_ASSIGN(const std::optional<std::string_view> key, reader.NextKey());
    if (!key) return Status::Ok();
    INGOT_ASSIGN(const std::optional<size_t> index, known.Take(*key));
    if (!index) {
      std::string name(*key);
      INGOT_ASSIGN(const std::string_view text, reader.RawValue());
      if (extra == nullptr) continue;
      if (extra->size() == kMaxExtraFields) {
        return core::Exhausted(StrCat("more than ", kMaxExtraFields, " unknown fields"));
      }
      extra->emplace_back(std::move(name), text);
      continue;
    }
    if (reader.Peek() == JsonKind::kNull) {
      INGOT_TRY(reader.Null());
      continue;
    }
    const Field<T>& field = fields[*index];
    Status status =
        std::visit([&](auto member) { return Read(reader, out.*member); }, field.member);
    if (!status.ok()) return std::move(status).Context(field.key);
  }
}

template <typename T, size_t N>
void WriteObject(JsonObjectText& text, const std::array<Field<T>, N>& fields, const T& value);

struct Writer {
  JsonObjectText& text;
  std::string_view key;
  bool always;

  void operator()(const std::string& value) const {
    if (always || !value.empty()) text.String(key, value);
  }
  void operator()(uint64_t value) const { text.NumberUnlessZero(key, value); }
  void operator()(const std::vector<std::string>& values) const {
    if (always || !values.empty()) text.Strings(key, values);
  }
  void operator()(const std::optional<std::vector<std::string>>& values) const {
    if (values) {
      text.Strings(key, *values);
    } else if (always) {
      text.Raw(key, "null");
    }
  }
  void operator()(const std::optional<DraftConfig>& draft) const {
    if (!draft) return;
    JsonObjectText inner;
    WriteObject(inner, kDraftFields, *draft);
    text.Raw(key, inner.Take());
  }
};

template <typename T, size_t N>
void WriteObject(JsonObjectText& text, const std::array<Field<T>, N>& fields, const T& value) {
  for (const Field<T>& field : fields) {
    std::visit(
        [&](auto member) {
          Writer{text, field.key, field.always}(value.*member);
        },
        field.member);
  }
}

}  // namespace

Result<ModelConfig> ParseModelConfig(std::string_view text) {
  JsonReader reader(text, kLimits);
  ModelConfig config;
  INGOT_TRY(ReadObject(reader, kFields, kKeys, config, &config.extra));
  INGOT_TRY(reader.End());
  return config;
}

std::string EncodeModelConfig(const ModelConfig& config) {
  JsonObjectText text;
  WriteObject(text, kFields, config);
  for (const auto& [key, json] : config.extra) text.Raw(key, json);
  return text.Take();
}

}  // namespace ingot::store
