#include "registry/partial_blob.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/interrupt.h"
#include "core/log.h"
#include "core/strings.h"
#include "registry/piece_sum.h"

namespace ingot::registry {
namespace {

using core::Code;
using core::Path;
using core::Result;
using core::Status;
using core::StrCat;

constexpr uint64_t kLongestJournal = uint64_t{256} << 20;
constexpr uint64_t kReadBytes = uint64_t{1} << 20;

std::string HeaderLine(const store::Digest& digest, uint64_t size) {
  return StrCat("ingot-download 1 ", digest.ToString(), " ", size, "\n");
}

std::string Hex(uint64_t value) {
  char buffer[17];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, 16).ptr};
}

struct Part {
  Extent extent;
  uint64_t sum = 0;
};
std::optional<Part> ParsePart(std::string_view line, uint64_t size) {
  const std::vector<std::string_view> words = core::Split(line, ' ');
  if (words.size() != 3) return std::nullopt;
  const auto begin = core::ParseUint(words[0]);
  const auto end = core::ParseUint(words[1]);
  uint64_t sum = 0;
  const char* last = words[2].data() + words[2].size();
  const auto parsed = std::from_chars(words[2].data(), last, sum, 16);
  if (!begin || !end || *begin >= *end || *end > size || parsed.ec != std::errc() ||
      parsed.ptr != last) {
    return std::nullopt;
  }
  return Part{{*begin, *end}, sum};
}

Result<bool> IsThere(const core::ReadFile& file, const Part& part, std::vector<std::byte>& buffer) {
  PieceSum sum;
  for (uint64_t at = part.extent.begin; at < part.extent.end;) {
    INGOT_TRY(core::CheckInterrupted());
    const auto piece =
        std::span(buffer).first(std::min<uint64_t>(part.extent.end - at, kReadBytes));
    const Status read = file.ReadAt(at, piece);
    if (read.code() == Code::kCorrupt) return false;  // the file ends before
    if (!read.ok()) return read;
    sum.Update(piece);
    at += piece.size();
  }
  return sum.Value() == part.sum;
}

Status WithSpaceHint(Status status) {
  if (status.code() != Code::kNoSpace) return status;
  return std::move(status).WithHint(
      "`ingot gc` frees what no model uses, `ingot rm` removes models.");
}

}  // namespace

Result<std::unique_ptr<PartialBlob>> PartialBlob::Open(const store::Store& store,
                                                       const store::Digest& digest, uint64_t size,
                                                       std::shared_ptr<core::FileLock> lock) {
  std::unique_ptr<PartialBlob> blob(new PartialBlob(store, digest, size, std::move(lock)));
  INGOT_TRY(store.env().CreateDirs(store.layout().Partials()));
  INGOT_TRY(blob->Load());
  if (blob->have_.total() == 0) INGOT_TRY(blob->Begin());
  return blob;
}

Status PartialBlob::RemoveIfThere(const Path& path) const {
  const Status removed = store_.env().Remove(path);
  return removed.code() == Code::kNotFound ? Status::Ok() : removed;
}

Status PartialBlob::Discard() {
  const std::lock_guard<std::mutex> hold(guard_);
  journal_.reset();
  have_ = ExtentSet();
  // The journal first: bytes without it are nothing, it without bytes would be a lie.
  INGOT_TRY(RemoveIfThere(store_.layout().PartialJournal(digest_)));
  INGOT_TRY(RemoveIfThere(store_.layout().Partial(digest_)));
  return Begin();
}

Status PartialBlob::Begin() {
  INGOT_TRY(RemoveIfThere(store_.layout().PartialJournal(digest_)));
  INGOT_TRY(RemoveIfThere(store_.layout().Partial(digest_)));
  INGOT_ASSIGN(const auto file, store_.env().CreateNew(store_.layout().Partial(digest_)));
  return WithSpaceHint(file->Allocate(size_));
}

Status PartialBlob::Load() {
  core::Env& env = store_.env();
  const Path journal = store_.layout().PartialJournal(digest_);
  const Result<std::string> text = core::ReadSmallFile(env, journal, kLongestJournal);
  if (!text.ok() || !text->starts_with(HeaderLine(digest_, size_))) return Status::Ok();
  const auto file = OpenReader();
  if (!file.ok()) return Status::Ok();
  std::vector<std::byte> buffer(std::min(size_, kReadBytes));
  std::vector<std::string_view> lines = core::Split(*text, '\n');
  uint64_t lost = 0;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::optional<Part> part = ParsePart(lines[i], size_);
    if (!part) continue;
    INGOT_ASSIGN(const bool there, IsThere(**file, *part, buffer));
    if (there) {
      have_.Add(part->extent);
    } else {
      lost += part->extent.size();
    }
  }
  if (lost > 0) {
    core::LogWarning("parts of an interrupted download are damaged and fetched again",
                     {{"digest", digest_.ToString()}, {"bytes", StrCat(lost)}});
  }
  return Status::Ok();
}

uint64_t PartialBlob::BytesNoted(const store::Store& store, const store::Digest& digest,
                                 uint64_t size) {
  const Result<std::string> text =
      core::ReadSmallFile(store.env(), store.layout().PartialJournal(digest), kLongestJournal);
  if (!text.ok() || !text->starts_with(HeaderLine(digest, size))) return 0;
  ExtentSet noted;
  for (const std::string_view line : core::Split(*text, '\n')) {
    if (const std::optional<Part> part = ParsePart(line, size)) noted.Add(part->extent);
  }
  return noted.total();
}

ExtentSet PartialBlob::have() const {
  const std::lock_guard<std::mutex> hold(guard_);
  return have_;
}

Result<std::unique_ptr<core::WriteFile>> PartialBlob::OpenWriter() const {
  return store_.env().OpenWrite(store_.layout().Partial(digest_));
}

Result<std::unique_ptr<core::ReadFile>> PartialBlob::OpenReader() const {
  return store_.env().OpenRead(store_.layout().Partial(digest_), core::Access::kSequential);
}

Status PartialBlob::OpenJournal() {
  if (journal_ != nullptr) return Status::Ok();
  const Path path = store_.layout().PartialJournal(digest_);
  const bool fresh = !store_.env().Stat(path).ok();
  INGOT_ASSIGN(journal_, store_.env().OpenWrite(path));
  if (fresh) return journal_->Append(core::AsBytes(HeaderLine(digest_, size_)));
  return Status::Ok();
}

Status PartialBlob::Record(Extent extent, uint64_t sum) {
  const std::lock_guard<std::mutex> hold(guard_);
  have_.Add(extent);
  // A blob that came at once needs no journal: it is about to get its name.
  if (journal_ == nullptr && have_.total() == size_) return Status::Ok();
  INGOT_TRY(OpenJournal());
  // The newline in front ends a line that an earlier, failed write may have left unfinished.
  const std::string line = StrCat("\n", extent.begin, " ", extent.end, " ", Hex(sum), "\n");
  return WithSpaceHint(journal_->Append(core::AsBytes(line)));
}

Result<store::BlobInfo> PartialBlob::Finish(store::WriteSession& session) {
  const Path path = store_.layout().Partial(digest_);
  {
    INGOT_ASSIGN(const auto file, OpenWriter());
    INGOT_TRY(WithSpaceHint(file->Sync()));
    INGOT_TRY(WithSpaceHint(file->Close()));
  }
  INGOT_ASSIGN(const store::BlobInfo info, session.AdoptFile(path, digest_, size_));
  const std::lock_guard<std::mutex> hold(guard_);
  journal_.reset();
  // The blob is there; a journal that stays tells of nothing, and the next sweep takes it.
  const Status removed = RemoveIfThere(store_.layout().PartialJournal(digest_));
  if (!removed.ok()) {
    core::LogWarning("cannot remove the journal of a download",
                     {{"error", std::string(removed.message())}});
  }
  return info;
}

}  // namespace ingot::registry
