// What the commands that talk to registries share: their options, and how they tell of progress.
// One thread, except where it says otherwise.
#ifndef INGOT_CLI_REGISTRY_ACCESS_H_
#define INGOT_CLI_REGISTRY_ACCESS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "cli/command.h"
#include "core/progress.h"
#include "registry/http.h"
#include "registry/layer_observer.h"
#include "registry/pull.h"

namespace ingot::cli {

struct RegistryOptions {
  std::string ca_file;
  int streams = registry::PullOptions{}.streams;
  bool insecure = false;
};

// --insecure, --ca-file and --streams.
void AddRegistryOptions(CLI::App& command, RegistryOptions& options);

// Proxies and certificates as the options and the environment say.
registry::HttpOptions HttpOptionsFor(const RegistryOptions& options);

// One JSON object a line, from whichever thread has something to say.
class JsonLines : public registry::LayerObserver {
 public:
  explicit JsonLines(Session& session);

  core::ProgressSink& sink() { return *sink_; }
  void OnLayer(const registry::LayerEvent& event) override;
  void Write(const core::Json& json);

 private:
  void Show(const core::ProgressEvent& event);

  Session& session_;
  std::mutex lock_;
  std::unique_ptr<core::ProgressSink> sink_;
};

// A line for each large layer that is done, above the bar of the whole.
class LargeLayers : public registry::LayerObserver {
 public:
  explicit LargeLayers(core::ProgressSink& sink) : sink_(sink) {}
  void OnLayer(const registry::LayerEvent& event) override;

 private:
  core::ProgressSink& sink_;
};

}  // namespace ingot::cli

#endif  // INGOT_CLI_REGISTRY_ACCESS_H_
