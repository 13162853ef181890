// What says how the server is: /health, /metrics, /props, and what ends it.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/memory.h"
#include "core/strings.h"
#include "engine/model_pool.h"
#include "server/context.h"
#include "server/errors.h"
#include "server/routes.h"
#include "server/version.h"

namespace ingot::server {

std::string_view OwnVersion() { return INGOT_VERSION; }

namespace {

using core::StrCat;

void HandleHealth(Context& context, const ExchangePtr& exchange) {
  if (context.draining) return SendError(*exchange, Ending(context));
  exchange->Send(JsonReply(200, {{"status", "ok"}}));
}

std::vector<Metrics::Gauge> Gauges(Context& context) {
  std::vector<Metrics::Gauge> gauges;
  const std::vector<engine::RunningModel> running = context.models.Running();
  struct Line {
    const char* name;
    const char* help;
    bool counter;
    double (*value)(const engine::RunningModel&);
  };
  using R = engine::RunningModel;
  constexpr std::array<Line, 10> kLines = {{
      {"ingot_model_bytes", "Memory of a loaded model.", false,
       [](const R& m) { return static_cast<double>(m.bytes); }},
      {"ingot_running_requests", "Requests that are being answered.", false,
       [](const R& m) { return static_cast<double>(m.stats.running); }},
      {"ingot_waiting_requests", "Requests in the queue.", false,
       [](const R& m) { return static_cast<double>(m.stats.waiting); }},
      {"ingot_steps_total", "Steps of a model.", true,
       [](const R& m) { return static_cast<double>(m.stats.steps); }},
      {"ingot_step_rows_total", "Tokens that all steps read together: over steps, the batch.", true,
       [](const R& m) { return static_cast<double>(m.stats.step_rows); }},
      {"ingot_prefix_cache_bytes", "Memory of kept prefixes.", false,
       [](const R& m) { return static_cast<double>(m.stats.prefix_bytes); }},
      {"ingot_sequence_cache_bytes", "Memory of caches in use.", false,
       [](const R& m) { return static_cast<double>(m.stats.cache_bytes); }},
      {"ingot_prefix_cache_limit_bytes", "What kept prefixes may take.", false,
       [](const R& m) { return static_cast<double>(m.stats.prefix_limit); }},
      {"ingot_sequence_cache_limit_bytes", "What caches may take.", false,
       [](const R& m) { return static_cast<double>(m.stats.cache_limit); }},
      {"ingot_model_in_use", "Whether a model is in use.", false,
       [](const R& m) { return m.in_use ? 1.0 : 0.0; }},
  }};
  for (const Line& line : kLines) {
    for (const engine::RunningModel& model : running) {
      gauges.push_back({line.name, line.help, StrCat("{model=\"", LabelText(model.name), "\"}"),
                        line.value(model), line.counter});
    }
  }
  gauges.push_back(
      {"ingot_loaded_models", "Models in memory.", "", static_cast<double>(running.size())});
  gauges.push_back({"ingot_busy_workers", "Threads that work on requests.", "",
                    static_cast<double>(context.workers.busy())});
  if (const auto resident = core::ReadResidentBytes(context.store.env()); resident.ok()) {
    gauges.push_back({"process_resident_memory_bytes", "Resident memory of the server.", "",
                      static_cast<double>(*resident)});
  }
  gauges.push_back({"ingot_uptime_seconds", "Since the server began.", "",
                    static_cast<double>(context.clock.MonotonicNs() - context.started_ns) * 1e-9});
  return gauges;
}

void HandleMetrics(Context& context, const ExchangePtr& exchange) {
  Reply reply = TextReply(200, context.metrics.Render(Gauges(context)));
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  exchange->Send(std::move(reply));
}

void HandleProps(Context& context, const ExchangePtr& exchange) {
  core::Json models = core::Json::array();
  for (const engine::RunningModel& model : context.models.Running()) {
    models.push_back({{"name", model.name},
                      {"digest", model.digest},
                      {"context_length", model.context},
                      {"bytes", model.bytes},
                      {"running", model.stats.running},
                      {"waiting", model.stats.waiting}});
  }
  core::Json loading = core::Json::array();
  for (const engine::LoadingModel& model : context.models.Loading()) {
    loading.push_back({{"name", model.name},
                       {"completed", model.progress.done},
                       {"total", model.progress.total}});
  }
  const core::Json json = {
      {"server", kServerName},
      {"version", OwnVersion()},
      {"ollama_version", kOllamaVersion},
      {"api_keys", context.has_keys},
      {"role", RoleName(exchange->caller().role)},
      {"logs_prompts", context.log_prompts},
      {"uptime_seconds",
       static_cast<double>(context.clock.MonotonicNs() - context.started_ns) * 1e-9},
      {"models", std::move(models)},
      {"loading", std::move(loading)}};
  exchange->Send(JsonReply(200, json));
}

void HandleShutDown(Context& context, const ExchangePtr& exchange) {
  if (!context.shut_down) return SendError(*exchange, 501, "this server cannot be ended so");
  exchange->Send(JsonReply(200, {{"status", "ending"}}));
  context.shut_down();
}

}  // namespace

std::span<const Route> StatusRoutes() {
  static constexpr std::array kRoutes = {
      Route{Method::kGet, "/health", Role::kNone, kNoBody, &HandleHealth},
      Route{Method::kGet, "/metrics", Role::kInfer, kNoBody, &HandleMetrics},
      Route{Method::kGet, "/props", Role::kInfer, kNoBody, &HandleProps},
      Route{Method::kPost, "/shutdown", Role::kManage, kSmallBody, &HandleShutDown},
  };
  return kRoutes;
}

}  // namespace ingot::server
