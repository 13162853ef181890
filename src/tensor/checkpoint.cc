#include "tensor/checkpoint.h"

#include <algorithm>
#include <utility>

#include "core/strings.h"
#include "tensor/index.h"

namespace ingot::tensor {

using core::Code;
using core::Corrupt;
using core::Printable;
using core::Quoted;
using core::Result;
using core::Status;
using core::StrCat;

namespace {

constexpr std::string_view kSingleFileName = "model.safetensors";
constexpr std::string_view kIncompleteHint =
    "the folder may be only partly downloaded: fetch the missing files again";

bool IsModelShard(std::string_view name) {
  return name.starts_with("model") && name.ends_with(kShardSuffix);
}

// Gathers what is wrong, so that a person sees all of it at once, within reason.
class Problems {
 public:
  void Add(std::string text) {
    if (count_++ < kShown) shown_.push_back(std::move(text));
  }
  bool none() const { return count_ == 0; }
  Status AsStatus() const {
    std::string text = core::Join(shown_, "; ");
    if (count_ > kShown) core::AppendPiece(text, StrCat("; and ", count_ - kShown, " more"));
    return Corrupt(std::move(text)).WithHint(kIncompleteHint);
  }

 private:
  static constexpr size_t kShown = 5;
  std::vector<std::string> shown_;
  size_t count_ = 0;
};

}  // namespace

class CheckpointReader {
 public:
  CheckpointReader(core::Env& env, const core::Path& directory, core::Access access)
      : env_(env), access_(access) {
    checkpoint_.directory_ = directory;
  }

  Result<Checkpoint> Read() {
    INGOT_TRY(ReadIndex());
    std::vector<std::string> names = index_.shards;
    if (index_.empty()) {
      INGOT_ASSIGN(names, FindFiles().Context(Directory()));
    }
    INGOT_TRY(OpenFiles(names));
    SortTensors();
    const Status consistent = index_.empty() ? CheckDuplicates() : MatchIndex();
    if (!consistent.ok()) return consistent.Context(Directory());
    if (checkpoint_.tensors_.empty()) {
      return core::NotFound(StrCat(Directory(), ": the files of weights hold no tensor"));
    }
    return std::move(checkpoint_);
  }

 private:
  using Place = Checkpoint::Place;

  std::string Directory() const { return Printable(checkpoint_.directory_.native(), 1000); }
  std::string_view NameOf(Place place) const {
    return checkpoint_.files_[place.file].header().name(place.tensor);
  }
  std::string FileNameOf(uint32_t file) const {
    return Quoted(checkpoint_.files_[file].path().filename().native());
  }

  Status ReadIndex() {
    const core::Path path = checkpoint_.directory_ / kIndexFileName;
    const Result<std::string> json = core::ReadSmallFile(env_, path, kMaxIndexBytes);
    if (!json.ok()) {
      // A folder without an index is fine. One with a dangling link to an index is not.
      const bool absent = json.status().code() == Code::kNotFound && !env_.LStat(path).ok();
      return absent ? Status::Ok() : json.status();
    }
    INGOT_ASSIGN(index_, ParseShardIndex(*json).Context(Printable(path.native(), 1000)));
    return Status::Ok();
  }

  Result<std::vector<std::string>> FindFiles() const {
    INGOT_ASSIGN(const std::vector<core::DirEntry> entries, env_.List(checkpoint_.directory_));
    std::vector<std::string> names;
    std::vector<std::string> others;
    bool single = false;
    for (const core::DirEntry& entry : entries) {
      if (IsModelShard(entry.name)) {
        single |= entry.name == kSingleFileName;
        names.push_back(entry.name);
      } else if (std::string_view(entry.name).ends_with(kShardSuffix)) {
        others.push_back(Quoted(entry.name));
      }
      if (names.size() > kMaxShards) {
        return core::Exhausted(StrCat("more than ", kMaxShards, " files of weights"));
      }
    }
    if (names.empty()) {
      Status status = core::NotFound(
          "no model weights: expected model.safetensors, or "
          "model*.safetensors files");
      if (others.empty()) return status;
      others.resize(std::min(others.size(), size_t{5}));
      return std::move(status).WithHint(
          StrCat("the folder holds ", core::Join(others, ", "),
                 ", which is not among the names that count as a model's weights"));
    }
    if (single && names.size() > 1) {
      const std::string& other = names[0] == kSingleFileName ? names[1] : names[0];
      return Corrupt(StrCat("ambiguous weights: both \"model.safetensors\" and ", Quoted(other),
                            names.size() > 2 ? StrCat(" and ", names.size() - 2, " more") : "",
                            ", and no index that says which count"))
          .WithHint("remove the files that do not belong to the model");
    }
    return names;
  }

  Status OpenFiles(const std::vector<std::string>& names) {
    Problems missing;
    uint64_t header_bytes = 0;
    for (const std::string& name : names) {
      Result<SafetensorsFile> file =
          SafetensorsFile::Open(env_, checkpoint_.directory_ / name, access_);
      if (!file.ok()) {
        if (file.status().code() != Code::kNotFound) return std::move(file).status();
        const bool dangling = env_.LStat(checkpoint_.directory_ / name).ok();
        missing.Add(StrCat("shard ", Quoted(name),
                           dangling ? " is a link to a file that is not there" : " is missing"));
        continue;
      }
      header_bytes += file->header().data_begin();
      if (header_bytes > kMaxCheckpointHeaderBytes) {
        return core::Exhausted(StrCat(Directory(), ": the headers of the shards up to ",
                                      Quoted(name), " take ", header_bytes, " bytes; at most ",
                                      kMaxCheckpointHeaderBytes, " are read"));
      }
      checkpoint_.files_.push_back(*std::move(file));
    }
    return missing.none() ? Status::Ok() : missing.AsStatus().Context(Directory());
  }

  void SortTensors() {
    std::vector<Place>& places = checkpoint_.tensors_;
    for (uint32_t f = 0; f < checkpoint_.files_.size(); ++f) {
      for (const uint32_t t : checkpoint_.files_[f].header().by_name()) places.push_back({f, t});
    }
    // Equal names stay in the order of their files.
    std::stable_sort(places.begin(), places.end(),
                     [this](Place a, Place b) { return NameOf(a) < NameOf(b); });
  }

  Status CheckDuplicates() const {
    const std::vector<Place>& places = checkpoint_.tensors_;
    Problems problems;
    for (size_t i = 1; i < places.size(); ++i) {
      if (NameOf(places[i - 1]) == NameOf(places[i])) {
        problems.Add(StrCat("duplicate tensor ", Quoted(NameOf(places[i])), " in ",
                            FileNameOf(places[i - 1].file), " and ", FileNameOf(places[i].file)));
      }
    }
    return problems.none() ? Status::Ok() : problems.AsStatus();
  }

  // Walks the sorted tensors of the index and of the files side by side.
  Status MatchIndex() {
    Problems problems;
    std::vector<Place> matched;
    const std::vector<Place>& places = checkpoint_.tensors_;
    auto place = places.begin();
    const auto leave_out = [&] { checkpoint_.unindexed_.emplace_back(NameOf(*place++)); };
    for (const ShardIndex::Entry& entry : index_.tensors) {
      while (place != places.end() && NameOf(*place) < entry.tensor) leave_out();
      const auto first = place;
      while (place != places.end() && NameOf(*place) == entry.tensor) ++place;
      const std::string& wanted = index_.shards[entry.shard];
      const std::string what = StrCat("tensor ", Quoted(entry.tensor));
      if (place == first) {
        problems.Add(StrCat(what, " is not in ", Quoted(wanted), ", where the index says it is"));
      } else if (place - first > 1) {
        problems.Add(StrCat("duplicate ", what, " in ", FileNameOf(first->file), " and ",
                            FileNameOf((first + 1)->file)));
      } else if (first->file != entry.shard) {
        problems.Add(StrCat(what, " is in ", FileNameOf(first->file), ", but the index says ",
                            Quoted(wanted)));
      } else {
        matched.push_back(*first);
      }
    }
    while (place != places.end()) leave_out();
    checkpoint_.tensors_ = std::move(matched);
    return problems.none() ? Status::Ok() : problems.AsStatus();
  }

  core::Env& env_;
  core::Access access_;
  ShardIndex index_;
  Checkpoint checkpoint_;
};

Result<Checkpoint> Checkpoint::Open(core::Env& env, const core::Path& directory,
                                    core::Access access) {
  return CheckpointReader(env, directory, access).Read();
}

TensorInfo Checkpoint::operator[](size_t i) const {
  return files_[tensors_[i].file].header()[tensors_[i].tensor];
}

std::optional<size_t> Checkpoint::IndexOf(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_.begin(), tensors_.end(), name, [this](Place place, std::string_view wanted) {
        return files_[place.file].header().name(place.tensor) < wanted;
      });
  if (found == tensors_.end() || files_[found->file].header().name(found->tensor) != name) {
    return std::nullopt;
  }
  return static_cast<size_t>(found - tensors_.begin());
}

Result<TensorView> Checkpoint::View(size_t i) const {
  if (i >= tensors_.size()) {
    return core::InvalidArgument(StrCat(Printable(directory_.native(), 1000), ": tensor ", i,
                                        " of ", tensors_.size(), " was asked for"));
  }
  return FileOf(i).View(IndexInFile(i));
}

Result<TensorView> Checkpoint::View(std::string_view name) const {
  const std::optional<size_t> i = IndexOf(name);
  if (!i) {
    return core::NotFound(
        StrCat(Printable(directory_.native(), 1000), ": holds no tensor ", Quoted(name)));
  }
  return View(*i);
}

Status Checkpoint::CheckUnchanged() const {
  for (const SafetensorsFile& file : files_) INGOT_TRY(file.CheckUnchanged());
  return Status::Ok();
}

}  // namespace ingot::tensor
