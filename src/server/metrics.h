// What the server counts, and shows as Prometheus text at /metrics. Thread-safe.
#ifndef INGOT_SERVER_METRICS_H_
#define INGOT_SERVER_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::server {

// Seconds, in buckets from a millisecond to ten minutes.
class Histogram {
 public:
  static constexpr std::array<double, 16> kBounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600};
  void Add(double seconds);
  void Render(std::string_view name, std::string_view help, std::string& out) const;

 private:
  std::array<std::atomic<uint64_t>, kBounds.size() + 1> counts_ = {};
  std::atomic<uint64_t> nanoseconds_{0};
};

class Metrics {
 public:
  // One answered HTTP request. route: a pattern of a route, never what a client made up.
  void CountRequest(std::string_view route, int status, double seconds);

  // One answer of a model.
  struct AnswerCounts {
    uint64_t prompt_tokens = 0;
    uint64_t cached_tokens = 0;
    uint64_t generated_tokens = 0;
    double queue_seconds = 0;
    double first_token_seconds = 0;
    double decode_seconds = 0;
    std::string_view finish;  // "stop", "length", "cancelled", "error"
    std::string_view miss;    // why not more of the prompt was known
  };
  void CountAnswer(const AnswerCounts& counts);

  // What is true now, beside what was counted.
  struct Gauge {
    std::string name;
    std::string help;
    std::string labels;  // {model="…"} or nothing
    double value = 0;
    bool counter = false;
  };
  std::string Render(const std::vector<Gauge>& gauges) const;

 private:
  mutable std::mutex lock_;
  std::map<std::pair<std::string, int>, uint64_t> requests_;
  std::map<std::string, uint64_t, std::less<>> finishes_;
  std::map<std::string, uint64_t, std::less<>> misses_;
  std::atomic<uint64_t> prompt_tokens_{0};
  std::atomic<uint64_t> cached_tokens_{0};
  std::atomic<uint64_t> generated_tokens_{0};
  Histogram request_seconds_;
  Histogram queue_seconds_;
  Histogram first_token_seconds_;
  Histogram token_seconds_;
};

// Text as a label's value.
std::string LabelText(std::string_view text);

}  // namespace ingot::server

#endif  // INGOT_SERVER_METRICS_H_
