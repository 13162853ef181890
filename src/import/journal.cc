#include "import/journal.h"

#include "core/log.h"
#include "core/strings.h"

namespace ingot::import {
namespace {

using core::Path;
using core::StrCat;
using store::Digest;

// Changed whenever the same plan would give other bytes.
constexpr std::string_view kVersion = "1";

constexpr uint64_t kMaxJournalBytes = uint64_t{64} << 20;
constexpr int64_t kMonthNs = int64_t{30} * 24 * 3600 * 1'000'000'000;
constexpr std::string_view kSuffix = ".journal";

Path Directory(const store::Layout& layout) { return layout.State() / "imports"; }

void Describe(std::string& text, const Inventory& source, uint32_t tensor) {
  if (tensor == kNoTensor) {
    text += "- ";
    return;
  }
  const SourceTensor& from = source.tensors[tensor];
  const core::FileInfo& file = source.files[from.file].info;
  text += StrCat(file.device, ":", file.inode, ":", file.size, ":", file.modified_ns, ":",
                 from.offset, ":", from.size, ":", NameOf(from.dtype), " ");
}

void Describe(std::string& text, const Plan& plan, const RowRun& run) {
  const SourceWeight& source = plan.sources[run.weight];
  text += StrCat("run ", run.first, " ", run.step, " ", run.count, " ",
                 static_cast<int>(source.encoding), " ", quant::Describe(source.format), " ",
                 static_cast<int>(source.fp8_scales), " ", static_cast<int>(source.global_kind),
                 " ", ToString(source.shape), " ");
  for (uint32_t tensor : {source.weight, source.scales, source.biases, source.global}) {
    Describe(text, plan.source, tensor);
  }
  text += '\n';
}

}  // namespace

Digest OriginOf(const Plan& plan, const PlannedBlob& blob) {
  std::string text = StrCat("version ", kVersion, "\n");
  for (const auto& [key, value] : blob.metadata) text += StrCat(key, " = ", value, "\n");
  for (const PlannedWeight& weight : blob.weights) {
    text += StrCat("weight ", static_cast<int>(weight.action), " ", weight.columns, " ",
                   weight.transposed ? 1 : 0, " ", NameOf(weight.through), " ",
                   plan.recipe.high_effort ? 1 : 0, "\n");
    for (const StoredTensor& stored : weight.stored) {
      text += StrCat(stored.name, "\n", NameOf(stored.dtype), " ", ToString(stored.shape), "\n");
    }
    for (const RowRun& run : weight.rows) Describe(text, plan, run);
  }
  return Digest::Of(text);
}

std::unique_ptr<ImportJournal> ImportJournal::Open(core::Env& env, const store::Layout& layout,
                                                   const Path& source) {
  std::unique_ptr<ImportJournal> journal(new ImportJournal());
  std::error_code ignored;
  const Path absolute = std::filesystem::weakly_canonical(source, ignored);
  const Path path =
      Directory(layout) / StrCat(Digest::Of(absolute.native()).Hex().substr(0, 32), kSuffix);
  if (!env.CreateDirs(path.parent_path()).ok()) return journal;
  auto lock = env.Lock(path, core::LockMode::kExclusive, /*wait=*/false);
  if (lock.ok()) journal->lock_ = *std::move(lock);
  auto text = core::ReadSmallFile(env, path, kMaxJournalBytes);
  if (text.status().code() == core::Code::kExhausted && journal->lock_ != nullptr) {
    if (!env.Remove(path).ok()) return journal;
    text = std::string();
  }
  if (!text.ok()) return journal;
  for (std::string_view line : core::Split(*text, '\n')) {
    const auto fields = core::Split(line, ' ');
    if (fields.size() != 3) continue;
    const auto origin = Digest::Parse(StrCat("sha256:", fields[0]));
    const auto digest = Digest::Parse(StrCat("sha256:", fields[1]));
    const auto size = core::ParseUint(fields[2]);
    if (!origin.ok() || !digest.ok() || !size) continue;
    journal->entries_.insert_or_assign(*origin, Entry{*digest, *size});
  }
  if (journal->lock_ != nullptr) {
    auto file = env.OpenWrite(path);
    if (file.ok()) journal->file_ = *std::move(file);
  }
  return journal;
}

std::optional<ImportJournal::Entry> ImportJournal::Find(const Digest& origin) const {
  const std::lock_guard<std::mutex> hold(guard_);
  const auto it = entries_.find(origin);
  if (it == entries_.end()) return std::nullopt;
  return it->second;
}

void ImportJournal::Add(const Digest& origin, const Entry& entry) {
  const std::lock_guard<std::mutex> hold(guard_);
  entries_.insert_or_assign(origin, entry);
  if (file_ == nullptr) return;
  // The newline in front ends a line that an interrupted writer may have left unfinished.
  const std::string line =
      StrCat("\n", origin.Hex(), " ", entry.digest.Hex(), " ", entry.size, "\n");
  if (const core::Status written = file_->Append(core::AsBytes(line)); !written.ok()) {
    core::LogWarning("an import cannot keep its journal",
                     {{"error", std::string(written.message())}});
    file_.reset();
  }
}

void ImportJournal::Sweep(core::Env& env, const store::Layout& layout, int64_t now_ns) {
  const auto entries = env.List(Directory(layout));
  if (!entries.ok()) return;
  for (const core::DirEntry& entry : *entries) {
    if (!std::string_view(entry.name).ends_with(kSuffix)) continue;
    const Path path = Directory(layout) / entry.name;
    const auto info = env.Stat(path);
    if (!info.ok() || now_ns - info->modified_ns < kMonthNs) continue;
    const auto lock = env.Lock(path, core::LockMode::kExclusive, /*wait=*/false);
    if (!lock.ok()) continue;
    if (const core::Status removed = env.Remove(path); !removed.ok()) {
      core::LogWarning("an old journal of an import cannot be removed",
                       {{"error", std::string(removed.message())}});
    }
  }
}

}  // namespace ingot::import
