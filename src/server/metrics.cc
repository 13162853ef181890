#include "server/metrics.h"

#include <cmath>
#include <utility>

#include "core/strings.h"

namespace ingot::server {
namespace {

using core::StrCat;

void Header(std::string_view name, std::string_view help, std::string_view type, std::string& out) {
  out += StrCat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void Counter(std::string_view name, std::string_view help, uint64_t value, std::string& out) {
  Header(name, help, "counter", out);
  out += StrCat(name, " ", value, "\n");
}

}  // namespace

std::string LabelText(std::string_view text) {
  std::string out;
  for (const char c : core::Printable(text, 300)) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

void Histogram::Add(double seconds) {
  if (!(seconds >= 0)) return;
  size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  ++counts_[bucket];
  nanoseconds_ += static_cast<uint64_t>(std::llround(std::min(seconds, 1e8) * 1e9));
}

void Histogram::Render(std::string_view name, std::string_view help, std::string& out) const {
  Header(name, help, "histogram", out);
  uint64_t below = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    below += counts_[i];
    out += StrCat(name, "_bucket{le=\"", kBounds[i], "\"} ", below, "\n");
  }
  below += counts_[kBounds.size()];
  out += StrCat(name, "_bucket{le=\"+Inf\"} ", below, "\n", name, "_sum ",
                static_cast<double>(nanoseconds_) * 1e-9, "\n", name, "_count ", below, "\n");
}

void Metrics::CountRequest(std::string_view route, int status, double seconds) {
  request_seconds_.Add(seconds);
  const std::lock_guard<std::mutex> hold(lock_);
  ++requests_[{std::string(route), status}];
}

void Metrics::CountAnswer(const AnswerCounts& counts) {
  prompt_tokens_ += counts.prompt_tokens;
  cached_tokens_ += counts.cached_tokens;
  generated_tokens_ += counts.generated_tokens;
  queue_seconds_.Add(counts.queue_seconds);
  if (counts.generated_tokens > 0) first_token_seconds_.Add(counts.first_token_seconds);
  if (counts.generated_tokens > 1) {
    token_seconds_.Add(counts.decode_seconds / static_cast<double>(counts.generated_tokens - 1));
  }
  const std::lock_guard<std::mutex> hold(lock_);
  ++finishes_[std::string(counts.finish)];
  if (!counts.miss.empty()) ++misses_[std::string(counts.miss)];
}

std::string Metrics::Render(const std::vector<Gauge>& gauges) const {
  std::string out;
  {
    const std::lock_guard<std::mutex> hold(lock_);
    Header("ingot_http_requests_total", "Requests answered, by route and status.", "counter", out);
    for (const auto& [key, count] : requests_) {
      out += StrCat("ingot_http_requests_total{route=\"", LabelText(key.first), "\",status=\"",
                    key.second, "\"} ", count, "\n");
    }
    Header("ingot_answers_total", "Answers of models, by how they ended.", "counter", out);
    for (const auto& [finish, count] : finishes_) {
      out += StrCat("ingot_answers_total{finish=\"", LabelText(finish), "\"} ", count, "\n");
    }
    Header("ingot_prefix_cache_prompts_total",
           "Prompts, by why not more of them was in the prefix cache (none: all that could be).",
           "counter", out);
    for (const auto& [miss, count] : misses_) {
      out +=
          StrCat("ingot_prefix_cache_prompts_total{miss=\"", LabelText(miss), "\"} ", count, "\n");
    }
  }
  Counter("ingot_prompt_tokens_total", "Tokens of prompts.", prompt_tokens_, out);
  Counter("ingot_prompt_tokens_cached_total", "Of those, tokens that were in the prefix cache.",
          cached_tokens_, out);
  Counter("ingot_generated_tokens_total", "Tokens of answers.", generated_tokens_, out);
  request_seconds_.Render("ingot_http_request_seconds", "From a request's head to its last byte.",
                          out);
  queue_seconds_.Render("ingot_queue_seconds", "Waiting until anything is computed.", out);
  first_token_seconds_.Render("ingot_first_token_seconds", "Until the first token is there.", out);
  token_seconds_.Render("ingot_token_seconds", "Between two tokens of an answer.", out);
  std::string_view last;
  for (const Gauge& gauge : gauges) {
    if (gauge.name != last) {
      Header(gauge.name, gauge.help, gauge.counter ? "counter" : "gauge", out);
    }
    last = gauge.name;
    out += StrCat(gauge.name, gauge.labels, " ", gauge.value, "\n");
  }
  return out;
}

}  // namespace ingot::server
