// Responses that later requests may go on from (previous_response_id). In memory only, bounded by
// number and bytes, the oldest giving way; each is forgotten after its time. A response is there
// for the key that made it, and for nobody else.
//
// Thread-safe.
#ifndef INGOT_SERVER_RESPONSE_STORE_H_
#define INGOT_SERVER_RESPONSE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/json.h"

namespace ingot::server {

struct ResponseStoreLimits {
  size_t count = 2000;
  size_t bytes = size_t{128} << 20;  // of their JSON
  int64_t age_ns = int64_t{24} * 3600 * 1'000'000'000;
};

struct StoredResponse {
  core::Json response;
  core::Json earlier;  // items of the conversation before its request
  core::Json input;    // items of the request
};

class ResponseStore {
 public:
  explicit ResponseStore(ResponseStoreLimits limits = {}) : limits_(limits) {}

  // now_ns: monotonic. One that is too large by itself is not kept.
  void Put(const std::string& owner, const std::string& id, StoredResponse response,
           int64_t now_ns);
  std::optional<StoredResponse> Get(const std::string& owner, const std::string& id,
                                    int64_t now_ns);
  // False when there was none.
  bool Remove(const std::string& owner, const std::string& id, int64_t now_ns);
  size_t bytes() const;
  size_t size() const;

 private:
  struct Entry {
    std::string owner;
    std::string id;
    StoredResponse response;
    size_t bytes = 0;
    int64_t stored_ns = 0;
  };
  using Place = std::list<Entry>::iterator;
  void Forget(Place place);
  void Expire(int64_t now_ns);
  Place Find(const std::string& owner, const std::string& id);

  const ResponseStoreLimits limits_;
  mutable std::mutex lock_;
  std::list<Entry> entries_;  // oldest first
  std::map<std::string, Place> by_id_;
  size_t bytes_ = 0;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_RESPONSE_STORE_H_
