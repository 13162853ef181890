// A store in a directory of its own, a clock that the test moves, and small models to put in.
#ifndef INGOT_TESTS_STORE_STORE_FIXTURE_H_
#define INGOT_TESTS_STORE_STORE_FIXTURE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/clock.h"
#include "core/env.h"
#include "store/session.h"
#include "store/store.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::store {

class ManualClock : public core::Clock {
 public:
  int64_t WallNs() const override { return System().WallNs() + offset_ns; }
  int64_t MonotonicNs() const override { return System().MonotonicNs() + offset_ns; }

  int64_t offset_ns = 0;  // ahead of the real time, which files get
};

// A tensor file of one F32 tensor, as the importer writes it.
std::string TensorBlob(std::string_view tensor, size_t elements, float value);

std::string ReadAll(const std::filesystem::path& path);
void WriteAll(const std::filesystem::path& path, std::string_view content);
std::vector<std::string> FilesBelow(const std::filesystem::path& directory);

ModelName NameOf(std::string_view text);

// A model of a few tensors, a config.json and a license. Models of different seeds share only the
// license and the config.
struct ModelSpec {
  int seed = 0;
  size_t tensors = 3;
  size_t elements = 100;  // of each
};
core::Result<StoredModel> WriteModel(const Store& store, std::string_view name,
                                     const ModelSpec& spec);

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { env_.SkipRealSyncs(); }
  StoredModel Write(std::string_view name, const ModelSpec& spec = {});
  std::filesystem::path BlobPath(const Layer& layer) const {
    return store_.layout().Blob(layer.digest);
  }
  bool HasBlob(const Layer& layer) const { return std::filesystem::exists(BlobPath(layer)); }
  bool HasModel(std::string_view name) const { return store_.Read(NameOf(name)).ok(); }
  // Every blob looks an hour and more old from now on.
  void LetAnHourPass() { clock_.offset_ns += int64_t{3601} * 1'000'000'000; }

  testing::TempDir dir_{testing::TempPlace::kMemory};
  ManualClock clock_;
  testing::FaultEnv env_{core::Env::Posix()};  // without faults here
  Store store_{env_, clock_, dir_ / "models"};
};

}  // namespace ingot::store

#endif  // INGOT_TESTS_STORE_STORE_FIXTURE_H_
