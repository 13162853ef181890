#include "registry/blob_upload.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/strings.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Result;
using core::Status;

// A registry that forgets one upload after the other will not keep the next one either.
constexpr int kMostLost = 3;
// Requests that work between others that do not are a sign of life; after so many without a byte
// of progress they are none any more.
constexpr int kMostLedOn = 20;
constexpr uint64_t kStorageParts = 16;
constexpr uint64_t kLargestStoragePart = uint64_t{1000} << 20;

// Answers to a request of an upload that say that there is no such upload, or none that it fits to.
bool IsLost(int status) {
  constexpr std::array kLost = {400, 404, 405, kMixedUp, 410, kDoesNotFit};
  return std::find(kLost.begin(), kLost.end(), status) != kLost.end();
}

}  // namespace

BlobUpload::BlobUpload(UploadProtocol& protocol, UploadJournal& journal, const store::Store& store,
                       const store::Layer& layer, std::string mount_from,
                       const PushOptions& options, std::function<void(uint64_t)> moved)
    : protocol_(protocol),
      journal_(journal),
      store_(store),
      layer_(layer),
      mount_from_(std::move(mount_from)),
      options_(options),
      moved_(std::move(moved)) {}

bool BlobUpload::Advanced() {
  const bool more = best_ > told_;
  const bool led_on = std::exchange(led_on_, false) && led_on_count_ < kMostLedOn;
  told_ = best_;
  led_on_count_ = more ? 0 : led_on_count_ + (led_on ? 1 : 0);
  return more || led_on;
}

Status BlobUpload::OpenFile() {
  if (file_ != nullptr) return Status::Ok();
  INGOT_ASSIGN(file_, store_.OpenBlob(layer_, core::Access::kSequential));
  return Status::Ok();
}

void BlobUpload::Lose() {
  session_.reset();
  parts_.clear();
  offset_ = 0;
  doubtful_ = false;
  journal_.Forget(layer_);
}

Extent BlobUpload::PartAt(uint64_t offset) const {
  uint64_t bytes = options_.part_bytes;
  if (session_->redirects_parts) {
    bytes =
        std::clamp(layer_.size / kStorageParts,
                   std::min(options_.storage_part_bytes, kLargestStoragePart), kLargestStoragePart);
  }
  return {offset, offset + std::min(bytes, layer_.size - offset)};
}

Answer BlobUpload::Try(HttpClient& http) {
  if (Status opened = OpenFile(); !opened.ok()) return {.status = std::move(opened)};
  bool done = false;
  if (tries_++ == 0) {
    if (const auto address = journal_.Find(layer_)) {
      if (Result<Url> url = Url::Parse(*address); url.ok()) {
        session_ = UploadSession{.address = *std::move(url)};
        doubtful_ = true;
      }
    }
  }
  if (session_ && doubtful_) {
    Answer answer = GoOn(http, done);
    if (!answer.status.ok() || done) return answer;
  }
  if (!session_) {
    Answer answer = Start(http, done);
    if (!answer.status.ok() || done) return answer;
  }
  return session_->direct ? SendDirect(http) : SendParts(http);
}

// Whether what was sent last ended the upload, although no answer said so.
Answer BlobUpload::LookWhetherDone(HttpClient& http, bool& done) {
  if (!maybe_done_) return {};
  Answer answer = protocol_.Exists(http, layer_, done);
  if (!answer.status.ok()) return answer;
  led_on_ = true;
  maybe_done_ = false;
  if (done) Lose();
  return answer;
}

// An upload that may have gone on without us, or not at all.
Answer BlobUpload::GoOn(HttpClient& http, bool& done) {
  if (Answer answer = LookWhetherDone(http, done); !answer.status.ok() || done) return answer;
  uint64_t there = 0;
  Answer answer = protocol_.Where(http, layer_, *session_, there);
  if (answer.transient || answer.status.code() == Code::kCancelled) return answer;
  if (!answer.status.ok()) {
    // It knows nothing of it any more, or does not tell.
    Lose();
    return {};
  }
  if (tries_ == 1) resumed_ = there;
  if (there < offset_) {
    std::erase_if(parts_, [&](const Part& part) { return part.extent.end > there; });
  }
  offset_ = there;
  best_ = std::max(best_, offset_);
  doubtful_ = false;
  led_on_ = true;
  moved_(offset_);
  return answer;
}

Answer BlobUpload::Start(HttpClient& http, bool& done) {
  if (Answer answer = LookWhetherDone(http, done); !answer.status.ok() || done) return answer;
  UploadProtocol::Begun begun = UploadProtocol::Begun::kOpen;
  Answer answer = protocol_.Begin(http, layer_, tries_ > 1 ? "" : mount_from_, begun, session_);
  if (!answer.status.ok()) return answer;
  if (begun != UploadProtocol::Begun::kOpen) {
    end_ = begun == UploadProtocol::Begun::kMounted ? End::kMounted : End::kPresent;
    done = true;
    return answer;
  }
  led_on_ = true;
  moved_(0);
  return answer;
}

Answer BlobUpload::Judge(HttpClient& http, Answer answer, const Status& ours) {
  if (!ours.ok()) {
    protocol_.Cancel(http, *session_);
    Lose();
    return {.status = ours};
  }
  if (answer.status.ok() || answer.status.code() == Code::kCancelled) return answer;
  if (answer.transient && !session_->direct) {
    doubtful_ = true;
    return answer;
  }
  if (answer.http_status == kDoesNotFit && !session_->direct && ++lost_ < kMostLost) {
    // It moved on meanwhile: bytes of a push that was killed were still under way.
    doubtful_ = true;
    answer.transient = true;
    return answer;
  }
  // Addresses of the storage are good for one try, and other uploads may be forgotten.
  const bool lost = session_->direct ? answer.http_status >= 400 : IsLost(answer.http_status);
  if (answer.http_status == kMixedUp) protocol_.Cancel(http, *session_);
  Lose();
  answer.transient = answer.transient || (lost && ++lost_ < kMostLost);
  return answer;
}

Answer BlobUpload::SendParts(HttpClient& http) {
  const bool whole = offset_ == 0 && !session_->redirects_parts && layer_.size <= PartAt(0).end;
  if (whole) {
    BlobSource source(*file_, hash_, layer_, {0, layer_.size}, moved_);
    maybe_done_ = true;
    Answer answer = protocol_.SendWhole(http, layer_, *session_, source);
    return Judge(http, std::move(answer), source.failure());
  }
  while (offset_ < layer_.size) {
    if (!session_->redirects_parts) journal_.Record(layer_, session_->address.text());
    const Extent part = PartAt(offset_);
    BlobSource source(*file_, hash_, layer_, part, moved_);
    uint64_t there = 0;
    bool elsewhere = false;
    Answer answer = protocol_.SendPart(http, *session_, part, source, there, elsewhere);
    if (!answer.status.ok()) return Judge(http, std::move(answer), source.failure());
    parts_.push_back({{part.begin, there}, elsewhere ? source.Md5Bytes() : std::string()});
    offset_ = there;
    best_ = std::max(best_, offset_);
    if (offset_ != part.end) moved_(offset_);
  }
  return Finish(http);
}

Answer BlobUpload::SendDirect(HttpClient& http) {
  BlobSource source(*file_, hash_, layer_, {0, layer_.size}, moved_);
  Answer answer = protocol_.SendDirect(http, *session_, source);
  if (!answer.status.ok()) return Judge(http, std::move(answer), source.failure());
  return Finish(http);
}

Result<std::string> BlobUpload::Etag() const {
  const bool elsewhere =
      std::any_of(parts_.begin(), parts_.end(), [](const Part& part) { return !part.md5.empty(); });
  if (!elsewhere) return std::string();
  std::vector<std::string> sums;
  for (const Part& part : parts_) {
    if (!part.md5.empty()) {
      sums.push_back(part.md5);
      continue;
    }
    // This one went to the registry itself, so nobody asked for its MD5 as it went.
    HashTrail unused;
    BlobSource source(*file_, unused, layer_, part.extent, [](uint64_t) {});
    INGOT_TRY(source.Rewind());
    source.WantMd5();
    std::vector<std::byte> buffer(size_t{1} << 20);
    for (size_t size = 1; size > 0;) {
      INGOT_ASSIGN(size, source.Read(buffer));
    }
    sums.push_back(source.Md5Bytes());
  }
  return EtagOf(sums);
}

Answer BlobUpload::Finish(HttpClient& http) {
  Status sound = hash_.MoveTo(*file_, layer_.size);
  if (sound.ok()) sound = CheckHash(hash_, layer_);
  if (!sound.ok()) return Judge(http, {}, sound);
  const Result<std::string> etag = Etag();
  if (!etag.ok()) return Judge(http, {}, etag.status());
  maybe_done_ = true;
  Answer answer = protocol_.Finish(http, layer_, *session_, *etag);
  if (!answer.status.ok()) return Judge(http, std::move(answer), Status::Ok());
  journal_.Forget(layer_);
  return answer;
}

}  // namespace ingot::registry
