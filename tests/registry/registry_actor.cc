// A process that pulls or pushes one model over plain HTTP, for tests that end it:
//
//   registry_actor pull ROOT NAME RANGE_BYTES
//   registry_actor push ROOT NAME PART_BYTES
//
// Prints what it moved, or "error: …" and exits 1.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/interrupt.h"
#include "registry/pull.h"
#include "registry/push.h"

namespace {

using namespace ingot;

int Fail(const core::Status& status) {
  std::printf("error: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Push(const store::Store& store, const store::ModelName& name, uint64_t part_bytes) {
  registry::PushOptions options;
  options.insecure = true;
  options.part_bytes = part_bytes;
  options.retry.first_ns = 1'000'000;
  options.environment = [](const char*) { return std::nullopt; };
  const auto sink = core::MakeNullSink();
  const auto report = registry::Push(store, name, options, *sink);
  if (!report.ok()) return Fail(report.status());
  std::printf("sent %llu resumed %llu\n", static_cast<unsigned long long>(report->bytes_sent),
              static_cast<unsigned long long>(report->bytes_resumed));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const core::InterruptHandler interrupts;
  const store::Store store(core::Env::Posix(), core::Clock::System(), argv[2]);
  const auto name = store::ModelName::Parse(argv[3]);
  if (!name.ok()) return 2;
  if (std::string(argv[1]) == "push")
    return Push(store, *name, std::strtoull(argv[4], nullptr, 10));
  registry::PullOptions options;
  options.insecure = true;
  options.range_bytes = std::strtoull(argv[4], nullptr, 10);
  options.retry.first_ns = 1'000'000;
  options.environment = [](const char*) { return std::nullopt; };
  const auto sink = core::MakeNullSink();
  const auto report = registry::Pull(store, *name, options, *sink);
  if (!report.ok()) return Fail(report.status());
  std::printf("fetched %llu resumed %llu\n", static_cast<unsigned long long>(report->bytes_fetched),
              static_cast<unsigned long long>(report->bytes_resumed));
  return 0;
}
