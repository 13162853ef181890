// `ingot bench`: how fast a model reads prompts and writes answers here, and how much of what the
// memory gives that is.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/store_access.h"
#include "cli/table.h"
#include "core/interrupt.h"
#include "core/memory.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "engine/generator.h"
#include "model/traffic.h"
#include "models/load.h"
#include "ops/backend.h"
#include "ops/bandwidth.h"

namespace ingot::cli {
namespace {

struct BenchOptions {
  std::string model;
  std::string dtype;
  std::string kv_cache;
  int prompt = 512;
  int generate = 128;
  int repetitions = 5;
  bool json = false;
};

// The middle of several measurements, and how far they spread.
struct Measured {
  double median = 0;
  double least = 0;
  double most = 0;
};

Measured Summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

struct Report {
  std::string device;
  int threads = 0;
  Measured prefill;      // tokens/s
  Measured decode;       // tokens/s
  Measured first_token;  // s
  uint64_t bytes_per_token = 0;
  double bandwidth = 0;  // bytes/s that memory gives

  double read() const { return decode.median * static_cast<double>(bytes_per_token); }
  double share() const { return bandwidth > 0 ? read() / bandwidth : 0; }
};

// Tokens all over the vocabulary, the same at every run: a mixture's experts are all asked.
std::vector<int> PromptOf(int length, int vocabulary) {
  std::vector<int> tokens;
  uint64_t state = 1;
  for (int i = 0; i < length; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    tokens.push_back(static_cast<int>((state >> 33) % static_cast<uint64_t>(vocabulary)));
  }
  return tokens;
}

core::Result<engine::GenerationTimings> RunOnce(const model::LanguageModel& model, int prompt,
                                                int generate) {
  engine::SamplingOptions sampling;
  sampling.temperature = 0;
  engine::GenerationLimits limits;
  limits.max_tokens = generate;
  limits.ignore_end = true;
  engine::Generator generator(model, sampling, limits);
  INGOT_ASSIGN(
      const engine::GenerationResult result,
      generator.Run(
          PromptOf(prompt, model.shape().vocabulary),
          [](const engine::GeneratedToken&) { return true; }, [] { return core::Interrupted(); }));
  INGOT_TRY(core::CheckInterrupted());
  return result.timings;
}

core::Status Measure(Session& session, const BenchOptions& options,
                     const model::LanguageModel& model, Report& report) {
  core::Progress progress(session.progress(), "measuring", core::ProgressUnit::kItems,
                          static_cast<uint64_t>(options.repetitions));
  // Once without looking at the clock, so that every page of the weights has been read.
  INGOT_TRY(RunOnce(model, std::min(options.prompt, 64), std::min(options.generate, 4)).status());
  std::vector<double> prefill;
  std::vector<double> decode;
  std::vector<double> first;
  for (int i = 0; i < options.repetitions; ++i) {
    INGOT_ASSIGN(const engine::GenerationTimings t,
                 RunOnce(model, options.prompt, options.generate));
    first.push_back(t.first_token_seconds);
    prefill.push_back(t.prompt_tokens / std::max(t.first_token_seconds, 1e-9));
    if (t.generated_tokens > 1) {
      decode.push_back((t.generated_tokens - 1) / std::max(t.decode_seconds, 1e-9));
    }
    progress.Add(1);
  }
  report.prefill = Summarise(prefill);
  report.decode = Summarise(decode);
  report.first_token = Summarise(first);
  return core::Status::Ok();
}

// A buffer well beyond any cache, as far as the machine has room for one.
size_t BufferSize(core::Env& env) {
  constexpr uint64_t kUsual = uint64_t{1} << 30;
  const core::Result<core::MemoryInfo> memory = core::ReadMemoryInfo(env);
  return static_cast<size_t>(memory.ok() ? std::min(kUsual, memory->available / 4) : kUsual / 4);
}

std::string Decimals(double value, int places) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return text;
}

std::string Gigabytes(double bytes) { return Decimals(bytes * 1e-9, 2) + " GB/s"; }

std::string SpeedText(int tokens, const Measured& speed) {
  return core::StrCat(Decimals(speed.median, 1), " tokens/s over ", tokens, " tokens  (",
                      Decimals(speed.least, 1), " to ", Decimals(speed.most, 1), ")");
}

void PrintReport(Session& session, const BenchOptions& options, const Report& report) {
  Table table;
  table.AddRow({"machine", core::StrCat(report.device, ", ",
                                        Counted(static_cast<uint64_t>(report.threads), "thread"),
                                        ", memory is read at ", Gigabytes(report.bandwidth))});
  table.AddRow({"prefill", SpeedText(options.prompt, report.prefill)});
  table.AddRow({"first token", "after " + Decimals(report.first_token.median, 3) + " s"});
  if (report.decode.median > 0) {
    table.AddRow({"decode", SpeedText(options.generate, report.decode)});
    table.AddRow(
        {"weights", core::StrCat(core::HumanBytes(report.bytes_per_token),
                                 " a token: ", Gigabytes(report.read()), ", ",
                                 Decimals(100 * report.share(), 1), " % of what memory gives")});
  }
  session.Print(table.Render());
}

core::Json MeasuredJson(const Measured& measured) {
  return {{"median", measured.median}, {"min", measured.least}, {"max", measured.most}};
}

void PrintReportJson(Session& session, const BenchOptions& options, const Report& report) {
  core::Json json = {{"model", options.model},
                     {"device", report.device},
                     {"threads", report.threads},
                     {"prompt_tokens", options.prompt},
                     {"generated_tokens", options.generate},
                     {"repetitions", options.repetitions},
                     {"prefill_tokens_per_second", MeasuredJson(report.prefill)},
                     {"first_token_seconds", MeasuredJson(report.first_token)},
                     {"bytes_per_token", report.bytes_per_token},
                     {"bandwidth_bytes_per_second", report.bandwidth}};
  if (report.decode.median > 0) {
    json["decode_tokens_per_second"] = MeasuredJson(report.decode);
    json["share_of_bandwidth"] = report.share();
  }
  session.PrintJson(json);
}

core::Status RunBench(Session& session, const BenchOptions& options) {
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> type, ParseDtypeOption(options.dtype));
  INGOT_ASSIGN(const std::optional<ops::mx::Dtype> cache, ParseKvCacheOption(options.kv_cache));
  INGOT_ASSIGN(const ops::BackendInfo backend, ops::Backend());
  INGOT_ASSIGN(const std::unique_ptr<ModelSource> source,
               ModelSource::Open(session, options.model));
  INGOT_ASSIGN(const core::Json config, source->files().Config());
  INGOT_ASSIGN(const model::StoredTensors tensors, source->files().Tensors());
  INGOT_ASSIGN(const std::unique_ptr<model::LanguageModel> model,
               models::LoadTensors(config, tensors, type, cache));
  const int needed = options.prompt + options.generate;
  if (needed > model->shape().context) {
    return core::InvalidArgument(core::StrCat("the context has room for ", model->shape().context,
                                              " tokens, and ", needed, " are asked for"))
        .WithHint("Give smaller numbers with -p and -n.");
  }
  Report report;
  report.device = backend.device;
  report.threads = core::ThreadPool::Shared().threads();
  INGOT_ASSIGN(report.bytes_per_token, model::BytesPerToken(tensors, config, type));
  INGOT_ASSIGN(report.bandwidth, ops::MeasureReadBandwidth(BufferSize(session.env())));
  INGOT_TRY(Measure(session, options, *model, report));
  (options.json ? PrintReportJson : PrintReport)(session, options, report);
  return core::Status::Ok();
}

}  // namespace

void AddBenchCommand(CLI::App& app, Session& session) {
  CLI::App& command =
      AddCommand(app, "bench", "Measure how fast a model runs on this machine", kRunGroup,
                 "  ingot bench my-model\n"
                 "  ingot bench ./checkpoint -p 128 -n 32 -r 3 --json\n"
                 "  ingot bench my-model -p 4096 --kv-cache int8");
  const auto options = std::make_shared<BenchOptions>();
  constexpr int kMany = 1 << 24;
  command.add_option("model", options->model, "A model's name, or a checkpoint's folder")
      ->required()
      ->type_name("NAME|DIR");
  command.add_option("-p,--prompt-tokens", options->prompt, "Tokens of the prompt")
      ->check(CLI::Range(1, kMany))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("-n,--generate-tokens", options->generate, "Tokens of the answer")
      ->check(CLI::Range(1, kMany))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("-r,--repetitions", options->repetitions, "Runs; the median is shown")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  command.add_option("--dtype", options->dtype, "float32, bfloat16 or float16 for activations")
      ->type_name("TYPE");
  command.add_option("--kv-cache", options->kv_cache, kKvCacheHelp)->type_name("TYPE");
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(RunBench(s, *options)); };
  });
}

}  // namespace ingot::cli
