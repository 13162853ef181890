#include "server/response_store.h"

#include <iterator>
#include <utility>

#include "server/http_types.h"

namespace ingot::server {

void ResponseStore::Put(const std::string& owner, const std::string& id, StoredResponse response,
                        int64_t now_ns) {
  // As text; the tree takes a small multiple of it.
  const size_t bytes = WireJson(response.response).size() + WireJson(response.earlier).size() +
                       WireJson(response.input).size();
  const std::lock_guard<std::mutex> hold(lock_);
  Expire(now_ns);
  if (bytes > limits_.bytes || by_id_.contains(id)) return;
  while (!entries_.empty() &&
         (entries_.size() >= limits_.count || bytes_ + bytes > limits_.bytes)) {
    Forget(entries_.begin());
  }
  entries_.push_back({owner, id, std::move(response), bytes, now_ns});
  by_id_[id] = std::prev(entries_.end());
  bytes_ += bytes;
}

std::optional<StoredResponse> ResponseStore::Get(const std::string& owner, const std::string& id,
                                                 int64_t now_ns) {
  const std::lock_guard<std::mutex> hold(lock_);
  Expire(now_ns);
  const Place place = Find(owner, id);
  if (place == entries_.end()) return std::nullopt;
  return place->response;
}

bool ResponseStore::Remove(const std::string& owner, const std::string& id, int64_t now_ns) {
  const std::lock_guard<std::mutex> hold(lock_);
  Expire(now_ns);
  const Place place = Find(owner, id);
  if (place == entries_.end()) return false;
  Forget(place);
  return true;
}

size_t ResponseStore::bytes() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return bytes_;
}

size_t ResponseStore::size() const {
  const std::lock_guard<std::mutex> hold(lock_);
  return entries_.size();
}

ResponseStore::Place ResponseStore::Find(const std::string& owner, const std::string& id) {
  const auto found = by_id_.find(id);
  // Somebody else's is not there at all.
  if (found == by_id_.end() || found->second->owner != owner) return entries_.end();
  return found->second;
}

void ResponseStore::Forget(Place place) {
  bytes_ -= place->bytes;
  by_id_.erase(place->id);
  entries_.erase(place);
}

void ResponseStore::Expire(int64_t now_ns) {
  while (!entries_.empty() && now_ns - entries_.front().stored_ns > limits_.age_ns) {
    Forget(entries_.begin());
  }
}

}  // namespace ingot::server
