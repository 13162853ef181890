// A request and a reply as the server's front ends see them, free of any HTTP library. Plain
// values; any thread.
#ifndef INGOT_SERVER_HTTP_TYPES_H_
#define INGOT_SERVER_HTTP_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"

namespace ingot::server {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions };
std::optional<Method> ParseMethod(std::string_view text);
std::string_view MethodName(Method method);

// In the order they came; names are compared without case.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // The first of that name, or nullptr.
  const std::string* Find(std::string_view name) const;
  std::string_view Get(std::string_view name) const;  // "" where there is none
  size_t Count(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// What a key may do: infer is to ask models; manage is that, and to change what models there are.
enum class Role : uint8_t { kNone, kInfer, kManage };
std::string_view RoleName(Role role);

// Who asks. Without keys everybody is the same, and may do everything.
struct Caller {
  std::string key;  // the key's name; "" where there are no keys
  Role role = Role::kNone;
};

// In whose shape errors are told.
enum class ApiStyle : uint8_t { kOllama, kOpenAi, kAnthropic };

struct Request {
  Method method = Method::kGet;
  std::string target;  // as it was sent
  std::string path;    // of it, percent signs undone
  std::string query;   // as it was sent, without the question mark
  Headers headers;
  std::string body;
  // The parts of the path that a route left open, in its order: "/api/blobs/:digest".
  std::vector<std::string> parts;
  std::string peer;  // address of the other side
  std::string id;    // of this request, for logs and error bodies: "req_…"
  bool tls = false;
  int64_t arrived_ns = 0;  // monotonic, when its head had been read
};

struct Reply {
  int status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string body;
  Headers headers = {};  // beside those that the server writes of itself
};

Reply JsonReply(int status, const core::Json& json);
Reply TextReply(int status, std::string text);

// "Not Found" of 404.
std::string_view ReasonOf(int status);

// Undoes %XX; nullopt where that is malformed, or makes a NUL.
std::optional<std::string> PercentDecode(std::string_view text);

// The value of a field of a query ("a=1&b=2"), or nullopt.
std::optional<std::string> QueryField(std::string_view query, std::string_view name);

// JSON as it goes over the wire: compact, UTF-8, what is not UTF-8 repaired.
std::string WireJson(const core::Json& json);

}  // namespace ingot::server

#endif  // INGOT_SERVER_HTTP_TYPES_H_
