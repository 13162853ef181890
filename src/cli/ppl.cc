// `ingot ppl`: the perplexity of a text, to compare what quantizing or a data type costs.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "core/interrupt.h"
#include "core/strings.h"
#include "engine/loaded_model.h"
#include "engine/perplexity.h"

namespace ingot::cli {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{256} << 20;

struct PplOptions {
  std::string model;
  std::string file;
  std::string dtype;
  std::string kv_cache;
  int window = 0;
  bool json = false;
};

std::string Decimals(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

core::Status RunPpl(Session& session, const PplOptions& options) {
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(options.dtype));
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> cache, ParseKvCacheOption(options.kv_cache));
  INGOT_ASSIGN(const std::string text,
               core::ReadSmallFile(session.env(), options.file, kMaxTextBytes));
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const std::unique_ptr<engine::LoadedModel> model,
               engine::LoadedModel::Load(source->files(), type, cache));
  INGOT_ASSIGN(const std::vector<int> tokens, model->EncodeRaw(text));

  core::Progress progress(session.progress(), "computing perplexity", core::ProgressUnit::kItems,
                          tokens.size());
  engine::PerplexityOptions how;
  how.window = options.window;
  how.progress = [&](int count) { progress.Add(static_cast<uint64_t>(count)); };
  how.cancelled = [] { return core::Interrupted(); };
  INGOT_ASSIGN(const engine::Perplexity result,
               engine::MeasurePerplexity(model->language(), tokens, how));
  progress.Finish();
  if (options.json) {
    session.PrintJson({{"perplexity", result.value()},
                       {"standard_error", result.error()},
                       {"nats_per_token", result.mean()},
                       {"tokens", tokens.size()},
                       {"scored_tokens", result.scored},
                       {"window", result.window}});
  } else {
    session.Print(core::StrCat("perplexity ", Decimals(result.value()), " +/- ",
                               Decimals(result.error()), "  (", result.scored,
                               " tokens scored, in windows of ", result.window, ")\n"));
  }
  return core::Status::Ok();
}

}  // namespace

void AddPplCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(app, "ppl", "Measure how well a model foretells a text", kRunGroup,
                                 "  ingot ppl my-model -f book.txt\n"
                                 "  ingot ppl ./checkpoint -f book.txt --ctx 512 --json\n"
                                 "  ingot ppl my-model -f book.txt --kv-cache int8");
  const auto options = std::make_shared<PplOptions>();
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("-f,--file", options->file, "The text, in UTF-8")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--ctx", options->window,
                  "Tokens of a window (0: 2048, or the context where that is less)")
      ->check(CLI::Range(0, 1 << 24))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_option("--kv-cache", options->kv_cache, kKvCacheHelp)->type_name("TYPE");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(RunPpl(s, *options)); };
  });
}

}  // namespace ingot::cli
