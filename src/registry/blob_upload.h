// One blob on its way to a registry, which remembers between tries how far it is: what to ask, what
// to send next, and when to begin anew because the registry has forgotten the upload. Each try ends
// with the first thing that goes wrong; the caller waits and tries again.
//
// The file is hashed as it is sent, and no upload of a damaged one is ever finished. One thread at
// a time; everything given outlives the object.
#ifndef INGOT_REGISTRY_BLOB_UPLOAD_H_
#define INGOT_REGISTRY_BLOB_UPLOAD_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "registry/blob_source.h"
#include "registry/hash_trail.h"
#include "registry/push.h"
#include "registry/upload_journal.h"
#include "registry/upload_protocol.h"
#include "store/store.h"

namespace ingot::registry {

class BlobUpload {
 public:
  // moved(position): bytes sent so far; it may fall.
  BlobUpload(UploadProtocol& protocol, UploadJournal& journal, const store::Store& store,
             const store::Layer& layer, std::string mount_from, const PushOptions& options,
             std::function<void(uint64_t)> moved);

  // OK: the registry has the blob.
  Answer Try(HttpClient& http);
  // Something was achieved since the last call: more of it has arrived for good, or, some times in
  // between, an answer came that leads on.
  bool Advanced();

  enum class End { kSent, kPresent, kMounted };
  End end() const { return end_; }
  // Of what an earlier push had sent.
  uint64_t resumed() const { return resumed_; }

 private:
  Answer LookWhetherDone(HttpClient& http, bool& done);
  Answer Start(HttpClient& http, bool& done);
  Answer GoOn(HttpClient& http, bool& done);
  Answer SendParts(HttpClient& http);
  Answer SendDirect(HttpClient& http);
  Answer Finish(HttpClient& http);
  // What a failed request means for the upload. ours: what was wrong with the blob, or OK.
  Answer Judge(HttpClient& http, Answer answer, const core::Status& ours);
  core::Status OpenFile();
  void Lose();
  core::Result<std::string> Etag() const;
  Extent PartAt(uint64_t offset) const;

  UploadProtocol& protocol_;
  UploadJournal& journal_;
  const store::Store& store_;
  const store::Layer& layer_;
  const std::string mount_from_;
  const PushOptions& options_;
  const std::function<void(uint64_t)> moved_;

  std::unique_ptr<core::ReadFile> file_;
  HashTrail hash_;
  std::optional<UploadSession> session_;
  bool doubtful_ = false;    // how far session_ is has to be asked
  bool maybe_done_ = false;  // what ends an upload was sent, and no answer came
  uint64_t offset_ = 0;      // that the registry has of session_
  struct Part {
    Extent extent;
    std::string md5;  // empty where it did not go to the storage
  };
  std::vector<Part> parts_;  // of session_, as they were sent
  int tries_ = 0;
  int lost_ = 0;       // uploads that the registry has forgotten or refused
  uint64_t best_ = 0;  // the largest offset_ so far, and at the last Advanced
  uint64_t told_ = 0;
  bool led_on_ = false;  // an answer came, since the last Advanced
  int led_on_count_ = 0;
  uint64_t resumed_ = 0;
  End end_ = End::kSent;
};

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_BLOB_UPLOAD_H_
