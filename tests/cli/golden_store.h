// A store of a test's own, into which checkpoints of tests/models/goldens are imported and from
// which they are run; and the same weights without their packing, to hold the runs against.
#ifndef INGOT_TESTS_CLI_GOLDEN_STORE_H_
#define INGOT_TESTS_CLI_GOLDEN_STORE_H_

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "engine/model_files.h"
#include "family/precision.h"
#include "model/language_model.h"
#include "model/stored_tensors.h"
#include "model/text_encoder.h"
#include "store/store.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::testing {

// What turns tokens into rows of numbers: logits of a language model, hidden rows of an encoder.
struct Runnable {
  std::unique_ptr<model::LanguageModel> language;
  std::unique_ptr<model::TextEncoder> encoder;

  // [tokens · width]; an encoder reads all at once, whatever the chunk.
  std::vector<float> Rows(const std::vector<int>& tokens, size_t chunk) const;
};

// Computes in fp32.
core::Result<Runnable> LoadRunnable(const core::Json& config, const model::StoredTensors& tensors);

class GoldenStore {
 public:
  GoldenStore() { env_.SkipRealSyncs(); }

  const std::filesystem::path& path() const { return dir_.path(); }
  const store::Store& store() const { return store_; }

  // The golden's checkpoint as the model "golden".
  core::Status Import(const Golden& golden, family::Precision precision);
  core::Status ImportFolder(const std::filesystem::path& folder, family::Precision precision);
  core::Result<Runnable> Load() const;

  // The model's tensors with every packed one replaced by the float32 values that its codes, scales
  // and zero points stand for, by MLX's own arithmetic; and how many were packed.
  struct Plain {
    Runnable model;
    size_t packed = 0;
    size_t packed_experts = 0;  // of these, stacks
  };
  core::Result<Plain> LoadPlain() const;

 private:
  struct Opened {
    std::unique_ptr<engine::ModelFiles> files;  // holds the model's lease
    core::Json config;
    model::StoredTensors tensors;
  };
  core::Result<Opened> Open() const;

  TempDir dir_{TempPlace::kMemory};
  FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_CLI_GOLDEN_STORE_H_
