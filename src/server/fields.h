// The body of a request: a JSON object whose fields are taken out one by one, each checked for its
// kind and its bounds. What nobody took is refused by its name. null counts as absent.
//
// One object, one thread.
#ifndef INGOT_SERVER_FIELDS_H_
#define INGOT_SERVER_FIELDS_H_

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "engine/keep_alive.h"

namespace ingot::server {

// The body of a request as JSON. kInvalidArgument where it is none, also where what is not well
// formed would be kCorrupt in a file: it is the client's fault.
core::Result<core::Json> ParseBody(std::string_view body);

class Fields {
 public:
  // kInvalidArgument where the body is no JSON object.
  static core::Result<Fields> Parse(std::string_view body);
  explicit Fields(core::Json object) : object_(std::move(object)) {}

  // The value of a field, which counts as taken; nullptr where it is absent.
  const core::Json* Take(std::string_view name);
  core::Result<std::optional<std::string>> Text(std::string_view name);
  core::Result<std::optional<bool>> Bool(std::string_view name);
  // A whole number; 3.0 is one. Bounds included.
  core::Result<std::optional<int64_t>> Int(std::string_view name, int64_t least, int64_t most);
  core::Result<std::optional<double>> Number(std::string_view name, double least, double most);
  core::Result<std::vector<std::string>> Texts(std::string_view name);  // a text, or a list of them
  // Seconds, or a duration as Go writes it ("5m", "1h30m", "-1s").
  core::Result<std::optional<engine::KeepAlive>> Duration(std::string_view name);

  // The first of these that is there is refused: understood, and not done here.
  core::Status Refuse(std::initializer_list<std::string_view> names) const;
  // An error naming the first field that was not taken.
  core::Status Done() const;

 private:
  core::Json object_;
  std::vector<std::string> taken_;
};

// "expected a text, found 3", for a field.
core::Status WrongField(std::string_view name, std::string_view expected, const core::Json& found);

// "1h30m", "300ms", "0.5s", "-1m"; nullopt for what is no duration.
std::optional<std::chrono::nanoseconds> ParseGoDuration(std::string_view text);

}  // namespace ingot::server

#endif  // INGOT_SERVER_FIELDS_H_
