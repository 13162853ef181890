#include "engine/prefix_disk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/sha256.h"
#include "core/strings.h"

namespace ingot::engine {
namespace {

using core::Corrupt;
using core::Result;
using core::Status;
using core::StrCat;
namespace mx = ops::mx;

// A file: this mark, how many bytes the head has (8 bytes, low first), the head, the body, and the
// SHA-256 of all that. Numbers are of 8 bytes, low first; lists and texts begin with their length.
// The head says what the file is of (identity, owner, path, begin, marks); the body has the arrays.
constexpr std::string_view kMagic = "INGOTPF1";
constexpr std::string_view kEnding = ".prefix";
constexpr uint64_t kMostHead = uint64_t{64} << 20;
constexpr size_t kDigest = 32;
constexpr size_t kFront = 16;

constexpr std::array<mx::Dtype::Val, 4> kTypes = {mx::Dtype::Val::float32, mx::Dtype::Val::bfloat16,
                                                  mx::Dtype::Val::float16, mx::Dtype::Val::int8};
mx::Dtype TypeOf(size_t index) {
  constexpr std::array<mx::Dtype, 4> kAll = {mx::float32, mx::bfloat16, mx::float16, mx::int8};
  return kAll[index];
}

class Writer {
 public:
  void Number(uint64_t value) {
    for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  }
  void Text(std::string_view text) {
    Number(text.size());
    out += text;
  }
  void Numbers(std::span<const int> numbers) {
    Number(numbers.size());
    for (const int number : numbers) Number(static_cast<uint32_t>(number));
  }
  void Arrays(const std::vector<model::HostArray>& arrays) {
    Number(arrays.size());
    for (const model::HostArray& array : arrays) {
      const auto type = std::find(kTypes.begin(), kTypes.end(), array.type.val());
      Number(static_cast<uint64_t>(type - kTypes.begin()));
      Number(array.shape.size());
      for (const int extent : array.shape) Number(static_cast<uint32_t>(extent));
      Text({reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size()});
    }
  }
  std::string out;
};

// Every read may find the end; then it is broken, and everything after it is nothing.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : left_(bytes) {}
  bool broken() const { return broken_; }
  bool at_end() const { return left_.empty(); }

  uint64_t Number(uint64_t most) {
    const auto bytes = Take(8);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
    if (value > most) broken_ = true;
    return broken_ ? 0 : value;
  }
  std::span<const std::byte> Bytes() { return Take(Number(left_.size())); }
  std::string Text() {
    const auto bytes = Bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::vector<int> Numbers() {
    std::vector<int> numbers(Number(left_.size() / 8));
    for (int& number : numbers) number = static_cast<int>(Number(kMostInt));
    return numbers;
  }
  std::vector<model::HostArray> Arrays() {
    std::vector<model::HostArray> arrays;
    for (uint64_t count = Number(left_.size() / 8); count > 0 && !broken_; --count) {
      model::HostArray array{.type = TypeOf(Number(kTypes.size() - 1)), .shape = {}, .bytes = {}};
      for (uint64_t rank = Number(8); rank > 0; --rank) {
        array.shape.push_back(static_cast<int>(Number(kMostInt)));
      }
      const auto bytes = Bytes();
      array.bytes.assign(bytes.begin(), bytes.end());
      arrays.push_back(std::move(array));
    }
    return arrays;
  }

 private:
  static constexpr uint64_t kMostInt = std::numeric_limits<int>::max();
  std::span<const std::byte> Take(uint64_t count) {
    if (broken_ || count > left_.size()) {
      broken_ = true;
      return {};
    }
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  std::span<const std::byte> left_;
  bool broken_ = false;
};

std::string HeadOf(std::string_view identity, const PrefixRecord& record) {
  Writer head;
  head.Text(identity);
  head.Text(record.owner);
  head.Numbers(record.path);
  head.Number(static_cast<uint64_t>(record.begin));
  head.Numbers(record.marked);
  return std::move(head.out);
}

std::optional<PrefixRecord> ReadHead(std::span<const std::byte> bytes, std::string_view identity) {
  Reader head(bytes);
  PrefixRecord record;
  if (head.Text() != identity) return std::nullopt;
  record.owner = head.Text();
  record.path = head.Numbers();
  record.begin = static_cast<int>(head.Number(record.path.size()));
  record.marked = head.Numbers();
  const bool whole = !head.broken() && head.at_end();
  if (!whole || static_cast<size_t>(record.begin) >= record.path.size()) return std::nullopt;
  return record;
}

std::string NameOf(std::string_view head) {
  return core::HexLower(core::Sha256::Of(core::AsBytes(head))) + std::string(kEnding);
}

Status MakePrivate(const core::Path& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  // Made closed: nobody gets in between making and closing it.
  const bool made = fs::create_directory(folder, error);
  if (!error && made) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return core::IoError(StrCat(folder.string(), ": ", error.message()));
  const fs::file_status status = fs::symlink_status(folder, error);
  constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
  if (error || !fs::is_directory(status) || (status.permissions() & kOthers) != fs::perms::none) {
    return Status(core::Code::kPermission,
                  StrCat(folder.string(), ": expected a folder that only its user may look into"))
        .WithHint(StrCat("chmod 700 ", folder.string()));
  }
  return Status::Ok();
}

Result<uint64_t> HeadBytes(std::span<const std::byte> front, uint64_t whole) {
  if (std::memcmp(front.data(), kMagic.data(), kMagic.size()) != 0) {
    return Corrupt("not a kept prefix");
  }
  Reader reader(front.subspan(kMagic.size()));
  const uint64_t head = reader.Number(std::min(kMostHead, whole - kFront - kDigest));
  if (reader.broken()) return Corrupt("its head is longer than the file");
  return head;
}

}  // namespace

Result<std::unique_ptr<PrefixDisk>> PrefixDisk::Open(core::Env& env,
                                                     const PrefixDiskOptions& options) {
  INGOT_TRY(MakePrivate(options.folder));
  const std::string name =
      core::HexLower(core::Sha256::Of(core::AsBytes(options.identity))).substr(0, 32);
  const core::Path folder = options.folder / name;
  INGOT_TRY(MakePrivate(folder));
  return std::unique_ptr<PrefixDisk>(
      new PrefixDisk(env, folder, options.identity, options.most_bytes));
}

std::vector<PrefixRecord> PrefixDisk::Scan() {
  std::vector<PrefixRecord> records;
  const auto entries = env_.List(folder_);
  if (!entries.ok()) return records;
  bytes_ = 0;
  for (const core::DirEntry& entry : *entries) {
    if (entry.kind != core::FileKind::kRegular || !entry.name.ends_with(kEnding)) continue;
    const auto file = env_.OpenRead(folder_ / entry.name);
    if (!file.ok()) continue;
    const auto info = (*file)->Info();
    if (!info.ok()) continue;
    std::optional<PrefixRecord> record;
    std::array<std::byte, kFront> front{};
    if (info->size > kFront + kDigest && (*file)->ReadAt(0, front).ok()) {
      if (const auto bytes = HeadBytes(front, info->size); bytes.ok()) {
        std::vector<std::byte> head(*bytes);
        if ((*file)->ReadAt(kFront, head).ok()) record = ReadHead(head, identity_);
      }
    }
    const PrefixFile name{.name = entry.name, .bytes = info->size};
    bytes_ += info->size;
    if (!record) {
      Remove(name);
      continue;
    }
    record->file = name;
    records.push_back(*std::move(record));
  }
  std::sort(records.begin(), records.end(),
            [](const PrefixRecord& a, const PrefixRecord& b) { return a.begin < b.begin; });
  return records;
}

Result<PrefixFile> PrefixDisk::Write(const PrefixRecord& record) {
  const std::string head = HeadOf(identity_, record);
  Writer all;
  all.out = kMagic;
  all.Text(head);
  all.Number(static_cast<uint64_t>(record.columns.begin));
  all.Number(static_cast<uint64_t>(record.columns.end));
  all.Arrays(record.columns.arrays);
  all.Number(record.marks.size());
  for (const model::StateMark& mark : record.marks) {
    all.Number(static_cast<uint64_t>(mark.at));
    all.Arrays(mark.arrays);
  }
  const core::Sha256Bytes digest = core::Sha256::Of(core::AsBytes(all.out));
  all.out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (all.out.size() > most_bytes_ || bytes_ > most_bytes_ - all.out.size()) {
    return core::Exhausted(
        StrCat(folder_.string(), ": its ", core::HumanBytes(most_bytes_), " are used up"));
  }
  PrefixFile file{.name = NameOf(head), .bytes = all.out.size()};
  INGOT_TRY(core::WriteFileAtomic(env_, folder_ / file.name, all.out));
  bytes_ += file.bytes;
  return file;
}

Result<PrefixRecord> PrefixDisk::Read(const PrefixFile& file) {
  constexpr uint64_t kMost = uint64_t{64} << 30;
  const core::Path path = folder_ / file.name;
  INGOT_ASSIGN(const std::string content, core::ReadSmallFile(env_, path, kMost));
  const auto broken = [&](std::string_view how) { return Corrupt(StrCat(path.string(), how)); };
  const auto bytes = core::AsBytes(content);
  if (bytes.size() <= kFront + kDigest) return broken(": too short");
  const auto checked = bytes.first(bytes.size() - kDigest);
  const core::Sha256Bytes digest = core::Sha256::Of(checked);
  if (std::memcmp(digest.data(), bytes.last(kDigest).data(), kDigest) != 0) {
    return broken(": its digest is not that of its content");
  }
  INGOT_ASSIGN(const uint64_t head, HeadBytes(checked.first(kFront), bytes.size()));
  std::optional<PrefixRecord> record = ReadHead(checked.subspan(kFront, head), identity_);
  if (!record) return broken(": it is of another model");
  Reader body(checked.subspan(kFront + head));
  record->columns.begin = static_cast<int>(body.Number(record->path.size()));
  record->columns.end = static_cast<int>(body.Number(record->path.size()));
  record->columns.arrays = body.Arrays();
  for (uint64_t marks = body.Number(record->path.size()); marks > 0; --marks) {
    model::StateMark mark;
    mark.at = static_cast<int>(body.Number(record->path.size()));
    mark.arrays = body.Arrays();
    record->marks.push_back(std::move(mark));
  }
  const bool fits = record->columns.begin == record->begin &&
                    record->columns.end == static_cast<int>(record->path.size());
  if (body.broken() || !body.at_end() || !fits) return broken(": its parts do not fit");
  record->file = file;
  return *std::move(record);
}

void PrefixDisk::Remove(const PrefixFile& file) {
  // Whether it was there or not, it is not counted any more.
  (void)env_.Remove(folder_ / file.name);
  bytes_ -= std::min(bytes_, file.bytes);
}

}  // namespace ingot::engine
