// Reads the fields of a JSON request by a table that knows every one of them: what is read, what
// only identifies something and changes no answer, what may only say what is done anyway, and what
// is refused, each by its name and its place in the request ("messages[2].audio"). A field that the
// table does not know is refused, too: nothing is passed over in silence.
//
// A field that is null is one that is missing. Values; the JSON and the table outlive a
// RuledFields.
#ifndef INGOT_SERVER_RULED_FIELDS_H_
#define INGOT_SERVER_RULED_FIELDS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"

namespace ingot::server {

enum class FieldUse : uint8_t {
  kRead,
  kNoted,    // for the client's own bookkeeping: no answer depends on it
  kOnly,     // one of the values of `detail`, a JSON list; read, too, where it has a meaning
  kRefused,  // `detail` says why, or what there is instead
};

struct FieldRule {
  std::string_view name;
  FieldUse use = FieldUse::kRead;
  std::string_view detail = {};
};

class RuledFields {
 public:
  // path: "" for the request itself.
  static core::Result<RuledFields> Of(const core::Json& json, std::string path,
                                      std::span<const FieldRule> rules);

  // nullptr where it is missing or null.
  const core::Json* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  std::string PathOf(std::string_view name) const;

  // nullopt where it is missing; kInvalidArgument where it is of another kind or out of bounds.
  core::Result<std::optional<std::string>> Text(std::string_view name) const;
  core::Result<std::optional<bool>> Flag(std::string_view name) const;
  core::Result<std::optional<int64_t>> Integer(std::string_view name, int64_t low,
                                               int64_t high) const;
  core::Result<std::optional<double>> Number(std::string_view name, double low, double high) const;
  // A text, or a list of at most `most` of them.
  core::Result<std::vector<std::string>> Texts(std::string_view name, size_t most) const;
  // nullptr where it is missing.
  core::Result<const core::Json*> List(std::string_view name) const;
  core::Result<const core::Json*> Object(std::string_view name) const;

  // It must be there.
  core::Result<std::string> RequiredText(std::string_view name) const;
  core::Result<const core::Json*> RequiredList(std::string_view name) const;

 private:
  RuledFields(const core::Json& json, std::string path) : json_(&json), path_(std::move(path)) {}
  core::Status Missing(std::string_view name) const;

  const core::Json* json_;
  std::string path_;
};

// "path: expected …, found …".
core::Status WrongValue(std::string_view path, std::string_view expected, const core::Json& found);

// The place that a message of such an error begins with ("messages[2].role"); "" where it begins
// with none.
std::string_view PlaceOf(std::string_view message);

}  // namespace ingot::server

#endif  // INGOT_SERVER_RULED_FIELDS_H_
