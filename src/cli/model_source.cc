#include "cli/model_source.h"

#include <utility>
#include <vector>

#include "cli/server_access.h"
#include "cli/store_access.h"
#include "core/checked.h"
#include "core/strings.h"
#include "models/load.h"

namespace ingot::cli {
namespace {

bool LooksLikeFolder(const std::string& text) {
  return text == "." || text == ".." || text.starts_with("/") || text.starts_with("./") ||
         text.starts_with("../");
}

bool IsFolder(core::Env& env, const std::string& path) {
  const core::Result<core::FileInfo> info = env.Stat(path);
  return info.ok() && info->kind == core::FileKind::kDirectory;
}

}  // namespace

core::Result<std::unique_ptr<ModelSource>> ModelSource::Open(Session& session,
                                                             const std::string& name_or_folder) {
  INGOT_ASSIGN(store::Store store, OpenStore(session));
  std::unique_ptr<ModelSource> source(new ModelSource(std::move(store)));
  core::Env& env = session.env();
  if (!LooksLikeFolder(name_or_folder)) {
    const core::Result<store::ModelName> name = store::ModelName::Parse(name_or_folder);
    if (!name.ok() && !IsFolder(env, name_or_folder)) return name.status();
    if (name.ok()) {
      auto files = engine::ModelFiles::OpenStored(source->store_, *name);
      if (files.ok()) {
        source->files_ = *std::move(files);
        return source;
      }
      const bool absent = files.status().code() == core::Code::kNotFound;
      if (!absent || !IsFolder(env, name_or_folder)) return std::move(files).status();
    }
  }
  INGOT_ASSIGN(source->files_, engine::ModelFiles::OpenFolder(env, name_or_folder));
  return source;
}

core::Result<std::optional<ops::mx::Dtype>> ParseDtypeOption(const std::string& text) {
  if (text.empty()) return std::optional<ops::mx::Dtype>();
  const std::optional<ops::mx::Dtype> type = models::ParseComputeType(text);
  if (type) return type;
  return core::InvalidArgument(core::StrCat("--dtype: ", core::Quoted(text, 40), " is unknown"))
      .WithHint("Use float32, bfloat16 or float16.");
}

namespace {

// What the original's variable says: q8_0 is 8 bits, f16 what is usual there and here.
core::Result<std::optional<ops::mx::Dtype>> OllamasKvCache() {
  const std::string wanted = Variable("OLLAMA_KV_CACHE_TYPE").value_or("f16");
  if (wanted == "f16") return std::optional<ops::mx::Dtype>();
  if (wanted == "q8_0") return std::optional(ops::mx::int8);
  return core::InvalidArgument(
             core::StrCat("OLLAMA_KV_CACHE_TYPE: ", core::Quoted(wanted, 40), " is not there"))
      .WithHint("Use q8_0 or f16, or set INGOT_KV_CACHE.");
}

}  // namespace

core::Result<std::optional<ops::mx::Dtype>> ParseKvCacheOption(const std::string& text) {
  const std::string wanted = text.empty() ? Variable("INGOT_KV_CACHE").value_or("") : text;
  if (wanted.empty()) return OllamasKvCache();
  if (wanted == "int8") return std::optional(ops::mx::int8);
  const std::optional<ops::mx::Dtype> type = models::ParseComputeType(wanted);
  if (type) return type;
  return core::InvalidArgument(core::StrCat(text.empty() ? "INGOT_KV_CACHE" : "--kv-cache", ": ",
                                            core::Quoted(wanted, 40), " is unknown"))
      .WithHint("Use int8, or the type of activations, as in bf16.");
}

core::Result<std::vector<int>> ParseTokens(const std::string& text) {
  std::vector<int> tokens;
  for (const std::string_view part : core::Split(text, ',')) {
    const std::optional<uint64_t> number = core::ParseUint(core::Trim(part));
    const std::optional<int> token = number ? core::CheckedCast<int>(*number) : std::nullopt;
    if (!token) {
      return core::InvalidArgument(
                 core::StrCat("--tokens: ", core::Quoted(part, 40), " is no token number"))
          .WithHint("Give numbers separated by commas, as in --tokens 1,2,3.");
    }
    tokens.push_back(*token);
  }
  return tokens;
}

}  // namespace ingot::cli
