// A process that pulls one model over plain HTTP, for tests that end it:
//
//   registry_actor ROOT NAME RANGE_BYTES
//
// Prints what it fetched, or "error: …" and exits 1.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/interrupt.h"
#include "registry/pull.h"

int main(int argc, char** argv) {
  using namespace ingot;
  if (argc != 4) return 2;
  const core::InterruptHandler interrupts;
  const store::Store store(core::Env::Posix(), core::Clock::System(), argv[1]);
  const auto name = store::ModelName::Parse(argv[2]);
  if (!name.ok()) return 2;
  registry::PullOptions options;
  options.insecure = true;
  options.range_bytes = std::strtoull(argv[3], nullptr, 10);
  options.retry.first_ns = 1'000'000;
  options.environment = [](const char*) { return std::nullopt; };
  const auto sink = core::MakeNullSink();
  const auto report = registry::Pull(store, *name, options, *sink);
  if (!report.ok()) {
    std::printf("error: %s\n", std::string(report.status().message()).c_str());
    return 1;
  }
  std::printf("fetched %llu resumed %llu\n", static_cast<unsigned long long>(report->bytes_fetched),
              static_cast<unsigned long long>(report->bytes_resumed));
  return 0;
}
