// `ingot logits`: what a model thinks of every token of a sequence, as a NumPy file.
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/npy_file.h"
#include "core/strings.h"
#include "models/load.h"

namespace ingot::cli {
namespace {

namespace mx = ops::mx;

struct LogitsOptions {
  std::string model;
  std::string tokens;
  std::string dtype;
  std::string kv_cache;
  std::string output;
  int chunk = 512;
};

core::Status CheckTokens(const std::vector<int>& tokens, const model::ModelShape& shape) {
  for (const int token : tokens) {
    if (token < shape.vocabulary) continue;
    return core::InvalidArgument(
        core::StrCat("token ", token, " is not in the vocabulary of ", shape.vocabulary));
  }
  return core::Status::Ok();
}

core::Status WriteLogits(Session& session, const LogitsOptions& options) {
  INGOT_ASSIGN(const std::vector<int> tokens, ParseTokens(options.tokens));
  INGOT_ASSIGN(const std::optional<mx::Dtype> type, ParseDtypeOption(options.dtype));
  INGOT_ASSIGN(const std::optional<mx::Dtype> cache, ParseKvCacheOption(options.kv_cache));
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const core::Json config, source->files().Config());
  INGOT_ASSIGN(const model::StoredTensors tensors, source->files().Tensors());
  INGOT_ASSIGN(const std::unique_ptr<model::LanguageModel> model,
               models::LoadTensors(config, tensors, type, cache));
  INGOT_TRY(CheckTokens(tokens, model->shape()));

  model::SequenceState state = model->NewState();
  std::string content = NpyHeader(tokens.size(), static_cast<size_t>(model->shape().vocabulary));
  core::Progress progress(session.progress(), "computing logits", core::ProgressUnit::kItems,
                          tokens.size());
  try {
    for (size_t i = 0; i < tokens.size();) {
      const size_t n = std::min(static_cast<size_t>(options.chunk), tokens.size() - i);
      const ops::Array ids(tokens.data() + i, {1, static_cast<int>(n)}, mx::int32);
      ops::Array logits = mx::contiguous(ops::ToFloat32(model->Logits(model->Forward(ids, state))));
      std::vector<ops::Array> pending = state.Pending();
      pending.push_back(logits);
      mx::eval(pending);
      AppendNumbers({logits.data<float>(), logits.size()}, content);
      progress.Add(n);
      i += n;
    }
  } catch (const std::exception& error) {
    return core::Internal(core::StrCat("the model failed: ", error.what()));
  }
  progress.Finish();
  return core::WriteFileAtomic(session.env(), options.output, content);
}

}  // namespace

void AddLogitsCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "logits", "Write a model's logits for given tokens to a NumPy file", kRunGroup,
      "  ingot logits my-model --tokens 1,2,3 -o logits.npy\n"
      "  ingot logits ./checkpoint --tokens 1,2,3 --dtype float32 --chunk 16 -o out.npy");
  const auto options = std::make_shared<LogitsOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("--tokens", options->tokens, "Token numbers, separated by commas")
      ->required()
      ->type_name("N,N,...");
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_option("--kv-cache", options->kv_cache, kKvCacheHelp)->type_name("TYPE");
  command.add_option("--chunk", options->chunk, "Tokens computed at a time")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command
      .add_option("-o,--output", options->output,
                  "The file to write: float32, [tokens, vocabulary]")
      ->required()
      ->type_name("FILE");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(WriteLogits(s, *options)); };
  });
}

}  // namespace ingot::cli
