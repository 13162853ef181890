#include "store/layout.h"

#include <algorithm>
#include <cstdlib>

#include "core/strings.h"

namespace ingot::store {
namespace {

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What the original may leave in blobs/ while it works: <blob>.tmp and <blob>-partial[-<n>] of
// downloads, and sha256-<decimal digits> of a layer being written.
bool IsPartial(std::string_view name) {
  constexpr size_t kBlobNameSize = 7 + 64;
  if (name.starts_with("sha256-") && AllDigits(name.substr(7)) && name.size() < kBlobNameSize) {
    return true;
  }
  if (name.size() <= kBlobNameSize || !Digest::Parse(name.substr(0, kBlobNameSize)).ok()) {
    return false;
  }
  std::string_view tail = name.substr(kBlobNameSize);
  if (tail == ".tmp" || tail == "-partial") return true;
  constexpr std::string_view kPart = "-partial-";
  return tail.starts_with(kPart) && AllDigits(tail.substr(kPart.size()));
}

std::string_view TrimQuotes(std::string_view text) {
  while (!text.empty() && (text.front() == '"' || text.front() == '\'')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '"' || text.back() == '\'')) text.remove_suffix(1);
  return text;
}

}  // namespace

Path Layout::NameLock(const ModelName& name) const {
  // Hashed, since a full name may be longer than a file name can be.
  return Locks() / ("name-" + Digest::Of(core::ToLower(name.Full())).Hex().substr(0, 32));
}

BlobEntry ClassifyBlobEntry(std::string_view file_name) {
  if (core::Result<Digest> digest = Digest::Parse(file_name); digest.ok()) {
    if (file_name == digest->FileName()) return {BlobEntryKind::kBlob, *digest};
    if (file_name[6] == ':') return {BlobEntryKind::kOldBlob, *digest};
    return {};  // upper-case digits: no program looks for it there
  }
  if (IsPartial(file_name)) return {BlobEntryKind::kPartial, std::nullopt};
  return {};
}

core::Result<Path> FindModelsRoot(const EnvironmentLookup& lookup) {
  for (const char* variable : {"INGOT_MODELS", "OLLAMA_MODELS"}) {
    const std::optional<std::string> value = lookup(variable);
    if (!value) continue;
    const std::string_view trimmed = TrimQuotes(core::Trim(*value));
    if (!trimmed.empty()) return Path(trimmed);
  }
  const std::optional<std::string> home = lookup("HOME");
  if (!home || home->empty()) {
    return core::InvalidArgument("no place for models: HOME is not set")
        .WithHint("Set INGOT_MODELS to a directory.");
  }
  return Path(*home) / ".ingot" / "models";
}

core::Result<Path> FindModelsRoot() {
  return FindModelsRoot([](const char* variable) -> std::optional<std::string> {
    const char* value = std::getenv(variable);
    if (value == nullptr) return std::nullopt;
    return value;
  });
}

}  // namespace ingot::store
