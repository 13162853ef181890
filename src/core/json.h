// JSON from files and peers that are not trusted. Two readers over the same rules (RFC 8259, valid
// UTF-8, bounded depth and size):
//   JsonReader  pulls values one by one out of a text, without building anything; for headers and
//               vocabularies of many megabytes.
//   ParseJson   builds a tree whose objects keep their key order; duplicate keys are refused.
// One object, one thread.
#ifndef INGOT_CORE_JSON_H_
#define INGOT_CORE_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/status.h"

namespace ingot::core {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t max_bytes = size_t{64} << 20;
  size_t max_depth = 64;
};

enum class JsonKind { kObject, kArray, kString, kNumber, kBool, kNull, kEnd, kInvalid };

// Every error names the byte offset. After an error the reader must not be used further.
class JsonReader {
 public:
  // text outlives the reader.
  explicit JsonReader(std::string_view text, JsonLimits limits = {});

  JsonKind Peek();  // what the next value is, without consuming it
  size_t offset() const { return position_; }

  Status BeginObject();
  // The next key of the innermost object, or nullopt when the object is over (and closed). The view
  // lives until the next call. Duplicates are not noticed here: the caller who collects the keys
  // knows best how.
  Result<std::optional<std::string_view>> NextKey();
  Status BeginArray();
  // True when another element follows, false when the array is over (and closed).
  Result<bool> NextElement();

  Result<std::string_view> String();  // unescaped; lives until the next call
  Result<uint64_t> Unsigned();        // an integer without sign, fraction or exponent
  Result<int64_t> Signed();           // an integer without fraction or exponent
  Result<double> Number();
  Result<bool> Bool();
  Status Null();
  Status SkipValue();
  Result<std::string_view> RawValue();  // the text of the next value as it stands, skipped
  Status End();                         // only white space is left

 private:
  Status Fail(std::string_view what) const;
  Status FailExpected(std::string_view expected);
  void SkipSpace();
  Status ReadString();
  Status ReadEscape();
  Result<unsigned> ReadHex4();
  Result<std::string_view> NumberText(bool& integral);
  Status Literal(std::string_view word);
  Status Enter(char open);
  // Consumes the separator before the next member; true when the container closed instead.
  Result<bool> AtClose(char close);

  std::string_view text_;
  size_t position_ = 0;
  JsonLimits limits_;
  std::string nesting_;      // '{' or '[' for each open container
  bool first_ = true;        // nothing read yet in the innermost container
  std::string_view string_;  // what ReadString found
  std::string scratch_;      // backs string_ when escapes had to be undone
};

Result<Json> ParseJson(std::string_view text, JsonLimits limits = {});

}  // namespace ingot::core

#endif  // INGOT_CORE_JSON_H_
