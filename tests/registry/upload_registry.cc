#include "tests/registry/upload_registry.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "core/env.h"
#include "core/json.h"
#include "core/strings.h"
#include "registry/md5.h"

namespace ingot::registry {
namespace {

using core::StrCat;
using Query = std::map<std::string, std::string>;

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Query ParseQuery(std::string_view target) {
  Query query;
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  for (const std::string_view pair : core::Split(target.substr(mark + 1), '&')) {
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      query[std::string(pair.substr(0, equals))] = Unescape(pair.substr(equals + 1));
    }
  }
  return query;
}

std::string Find(const Query& query, const std::string& key) {
  const auto found = query.find(key);
  return found == query.end() ? "" : found->second;
}

std::string Md5Of(std::string_view content) {
  Md5 sum;
  sum.Update(core::AsBytes(content));
  return sum.Finish();
}

}  // namespace

UploadRegistry::UploadRegistry(Kind kind)
    : kind_(kind),
      storage_(std::make_unique<testing::TestServer>(
          [this](const Request& request, Connection& connection) {
            HandleStorage(request, connection);
          })),
      server_(std::make_unique<testing::TestServer>(
          [this](const Request& request, Connection& connection) {
            Handle(request, connection);
          })) {}

bool UploadRegistry::Has(const std::string& repository, const std::string& digest) {
  const std::lock_guard<std::mutex> hold(lock_);
  return blobs_[repository].contains(digest);
}
void UploadRegistry::Put(const std::string& repository, const std::string& content) {
  const std::lock_guard<std::mutex> hold(lock_);
  blobs_[repository][store::Digest::Of(content).ToString()] = content;
}
std::string UploadRegistry::Blob(const std::string& repository, const std::string& digest) {
  const std::lock_guard<std::mutex> hold(lock_);
  return blobs_[repository][digest];
}
std::string UploadRegistry::Manifest(const std::string& path) {
  const std::lock_guard<std::mutex> hold(lock_);
  return manifests_[path];
}
size_t UploadRegistry::open_uploads() {
  const std::lock_guard<std::mutex> hold(lock_);
  return uploads_.size();
}
int UploadRegistry::requests(const std::string& method) {
  const std::lock_guard<std::mutex> hold(lock_);
  int count = 0;
  for (const Request& request : log_) count += request.method == method ? 1 : 0;
  return count;
}
std::vector<testing::ServerRequest> UploadRegistry::log() {
  const std::lock_guard<std::mutex> hold(lock_);
  return log_;
}
void UploadRegistry::Forget() {
  const std::lock_guard<std::mutex> hold(lock_);
  log_.clear();
  body_bytes_ = 0;
}

void UploadRegistry::Clear() {
  const std::lock_guard<std::mutex> hold(lock_);
  blobs_.clear();
  manifests_.clear();
  uploads_.clear();
}

bool UploadRegistry::Receive(const Request& request, Connection& connection, std::string& content) {
  const uint64_t size = core::ParseUint(request.Header("content-length")).value_or(0);
  const auto most_of = most.Now();
  const uint64_t limit = std::min(size, *most_of ? (*most_of)(request) : UINT64_MAX);
  uint64_t got = 0;
  while (got < limit) {
    const std::string piece = connection.ReadBody(std::min<uint64_t>(65536, limit - got));
    if (piece.empty()) break;
    got += piece.size();
    body_bytes_ += piece.size();
    content += piece;
    if (const int speed = bytes_per_millisecond; speed > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(1000 * piece.size() / speed));
    }
  }
  if (got < size) connection.Drop();
  return got == size;
}

// PUT /blob/<upload> and /part/<upload>.
void UploadRegistry::HandleStorage(const Request& request, Connection& connection) {
  EXPECT_EQ(request.Header("authorization"), "");
  EXPECT_EQ(request.method, "PUT");
  {
    const std::lock_guard<std::mutex> hold(lock_);
    log_.push_back(request);
  }
  std::string content;
  if (!Receive(request, connection, content)) return;
  const std::lock_guard<std::mutex> hold(lock_);
  const std::string id = request.target.substr(6, request.target.find('?') - 6);
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return;
  Upload& upload = found->second;
  upload.md5s.push_back(Md5Of(content));
  upload.content += content;
  connection.Answer(kind_ == Kind::kDirect ? 200 : 201, {}, "");
}

void UploadRegistry::SayWhere(Connection& connection, int status, const std::string& id) {
  // The address changes with each answer.
  const std::string address =
      StrCat("/v2/", uploads_[id].repository, "/blobs/uploads/", id, "?state=", ++next_);
  testing::Headers headers = {{"Location", address}};
  if (kind_ == Kind::kRedirects) headers.emplace_back("Docker-Upload-Location", address);
  const size_t size = uploads_[id].content.size();
  if (status != 202 || size > 0)
    headers.emplace_back("Range", StrCat("0-", size > 0 ? size - 1 : 0));
  if (kind_ == Kind::kDirect && status == 202 && size == 0) {
    headers.emplace_back("X-Direct-Upload-URL",
                         StrCat("http://", storage_->Host(), "/blob/", id, "?signature=a%2Fb"));
    headers.emplace_back("X-Signed-Header-Content-Type", "application/x-weights");
    headers.emplace_back("X-Signed-Header-X-Amz-Acl", "private");
    headers.emplace_back("X-Signed-Header-Host", "evil.example.com");
  }
  connection.Answer(status, headers, "");
}

void UploadRegistry::Open(const Request& request, Connection& connection,
                          const std::string& repository, const Query& query) {
  const std::string mount = Find(query, "mount");
  const std::string from = Find(query, "from");
  if (refuses_digest && query.contains("digest")) {
    connection.Answer(400, {}, R"({"errors":[{"code":"DIGEST_INVALID","message":"no bytes"}]})");
    return;
  }
  EXPECT_EQ(request.Header("x-redirect-uploads"), "2");
  EXPECT_NE(request.Header("x-content-length"), "");
  const std::lock_guard<std::mutex> hold(lock_);
  if (!mount.empty() && blobs_[from].contains(mount)) {
    blobs_[repository][mount] = blobs_[from][mount];
    connection.Answer(201, {}, "");
    return;
  }
  const std::string id = StrCat("u", ++next_);
  uploads_[id].repository = repository;
  SayWhere(connection, 202, id);
}

void UploadRegistry::Finish(Connection& connection, const std::string& id, const Query& query) {
  const Upload upload = uploads_[id];
  uploads_.erase(id);
  if (store::Digest::Of(upload.content).ToString() != Find(query, "digest")) {
    connection.Answer(400, {}, R"({"errors":[{"code":"DIGEST_INVALID","message":"other bytes"}]})");
    return;
  }
  if (kind_ == Kind::kRedirects && !upload.content.empty() &&
      Find(query, "etag") != EtagOf(upload.md5s)) {
    connection.Answer(400, {}, R"({"errors":[{"message":"etag"}]})");
    return;
  }
  blobs_[upload.repository][Find(query, "digest")] = upload.content;
  connection.Answer(201, {}, "");
}

void UploadRegistry::HandleUpload(const Request& request, Connection& connection,
                                  const std::string& repository, const std::string& id,
                                  const Query& query) {
  size_t begin = 0;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    const auto upload = uploads_.find(id);
    if (upload == uploads_.end() || upload->second.repository != repository) {
      connection.Answer(404, {}, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"?"}]})");
      return;
    }
    begin = upload->second.content.size();
    if (request.method == "GET") return SayWhere(connection, 204, id);
    if (request.method == "DELETE") {
      uploads_.erase(upload);
      connection.Answer(204, {}, "");
      return;
    }
  }
  const std::string range = request.Header("content-range");
  if (request.method == "PATCH" && !range.starts_with(StrCat(begin, "-"))) {
    connection.Answer(416, {}, "");
    return;
  }
  if (request.method == "PATCH" && kind_ == Kind::kRedirects) {
    EXPECT_EQ(request.Header("x-redirect-uploads"), "1");
    const std::lock_guard<std::mutex> hold(lock_);
    const std::string address =
        StrCat("/v2/", repository, "/blobs/uploads/", id, "?state=", ++next_);
    connection.Drop();  // it does not want the part here
    connection.Answer(307,
                      {{"Location", StrCat("http://", storage_->Host(), "/part/", id)},
                       {"Docker-Upload-Location", address}},
                      "");
    return;
  }
  std::string content;
  const bool whole = Receive(request, connection, content);
  const std::lock_guard<std::mutex> hold(lock_);
  if (!whole && forgets_parts) uploads_.erase(id);
  const auto found = uploads_.find(id);
  if (found == uploads_.end()) return;  // given up meanwhile
  Upload& upload = found->second;
  if (upload.content.size() != begin) {
    // Another request, of a pusher that is gone or its successor, was faster.
    if (whole) connection.Answer(416, {}, "");
    return;
  }
  if (keeps_half && request.method == "PATCH") content.resize((content.size() + 1) / 2);
  upload.content += content;
  if (request.method == "PATCH" && doubles_a_part.exchange(false)) upload.content += content;
  if (!whole) return;
  if (request.method == "PUT") return Finish(connection, id, query);
  SayWhere(connection, 202, id);
}

void UploadRegistry::HandleManifest(const Request& request, Connection& connection,
                                    const std::string& key) {
  const std::string body = connection.ReadBody();
  const std::lock_guard<std::mutex> hold(lock_);
  const std::string repository = key.substr(0, key.rfind(':'));
  const auto json = core::ParseJson(body);
  ASSERT_TRUE(json.ok());
  std::vector<std::string> digests = {(*json)["config"]["digest"]};
  for (const auto& layer : (*json)["layers"]) digests.push_back(layer["digest"]);
  for (const std::string& digest : digests) {
    if (blobs_[repository].contains(digest)) continue;
    connection.Answer(404, {}, R"({"errors":[{"code":"BLOB_UNKNOWN","message":"lacks a blob"}]})");
    return;
  }
  EXPECT_EQ(request.Header("content-type"), (*json)["mediaType"].get<std::string>());
  manifests_[key] = body;
  connection.Answer(201, {{"Docker-Content-Digest", store::Digest::Of(body).ToString()}}, "");
}

void UploadRegistry::Handle(const Request& request, Connection& connection) {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    log_.push_back(request);
  }
  if (const auto first = before.Now(); *first && (*first)(request, connection)) return;
  const std::string path = request.target.substr(0, request.target.find('?'));
  const Query query = ParseQuery(request.target);
  const size_t manifests = path.find("/manifests/");
  const size_t uploads = path.find("/blobs/uploads/");
  const size_t blobs = path.find("/blobs/");
  if (manifests != std::string::npos) {
    return HandleManifest(request, connection,
                          StrCat(path.substr(4, manifests - 4), ":", path.substr(manifests + 11)));
  }
  if (uploads != std::string::npos) {
    const std::string repository = path.substr(4, uploads - 4);
    const std::string id = path.substr(uploads + 15);
    if (id.empty()) return Open(request, connection, repository, query);
    return HandleUpload(request, connection, repository, id, query);
  }
  ASSERT_NE(blobs, std::string::npos) << request.target;
  ASSERT_EQ(request.method, "HEAD");
  const std::lock_guard<std::mutex> hold(lock_);
  const auto& here = blobs_[path.substr(4, blobs - 4)];
  const auto found = here.find(path.substr(blobs + 7));
  connection.Begin(found == here.end() ? 404 : 200, {},
                   found == here.end() ? 0 : found->second.size());
}

}  // namespace ingot::registry
