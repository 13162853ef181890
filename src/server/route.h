// Which handler answers what. Every front end has one table of routes; the router joins them.
// Immutable once built; any thread.
#ifndef INGOT_SERVER_ROUTE_H_
#define INGOT_SERVER_ROUTE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "server/exchange.h"
#include "server/http_types.h"

namespace ingot::server {

struct Context;  // context.h

// Takes the body of a request as it comes, for bodies that are too large to be held. One thread at
// a time, never the one that serves the network.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual core::Status Take(std::string_view bytes) = 0;
  // All came; answers the exchange.
  virtual void Finish(const ExchangePtr& exchange) = 0;
};

using Handler = void (*)(Context& context, const ExchangePtr& exchange);
// length: what the client says, or -1. An error is answered without reading the body.
using SinkMaker = core::Result<std::unique_ptr<BodySink>> (*)(Context& context, const Request& head,
                                                              int64_t length);

// What a request's body may be: small JSON, or JSON that may hold pictures and long conversations.
inline constexpr uint64_t kNoBody = 0;
inline constexpr uint64_t kSmallBody = uint64_t{1} << 20;
inline constexpr uint64_t kLargeBody = uint64_t{64} << 20;

struct Route {
  Method method;             // a GET route answers HEAD, too
  std::string_view pattern;  // "/api/blobs/:digest": a part that begins with a colon is any text;
                             // ":name*" at the end takes slashes, too
  Role role;                 // kNone: anybody, even without a key
  uint64_t body;             // bytes at most
  Handler handler;
  SinkMaker sink = nullptr;  // instead of handler and body
};

struct RouteMatch {
  const Route* route = nullptr;    // nullptr: none
  std::vector<std::string> parts;  // what stands where the pattern is open
  std::string allowed;             // where only the method is wrong: "GET, POST"
};

class Router {
 public:
  explicit Router(std::vector<std::span<const Route>> tables) : tables_(std::move(tables)) {}
  RouteMatch Find(Method method, std::string_view path) const;

 private:
  std::vector<std::span<const Route>> tables_;
};

// The API that a path belongs to.
ApiStyle StyleOf(std::string_view path);

}  // namespace ingot::server

#endif  // INGOT_SERVER_ROUTE_H_
