// A store with a model of random bytes, and a registry that it is pushed to.
#ifndef INGOT_TESTS_REGISTRY_PUSH_FIXTURE_H_
#define INGOT_TESTS_REGISTRY_PUSH_FIXTURE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/push.h"
#include "store/session.h"
#include "store/transfer_files.h"
#include "tests/registry/registry_fixture.h"
#include "tests/registry/upload_registry.h"

namespace ingot::registry {

class PushTest : public ::testing::Test {
 protected:
  explicit PushTest(UploadRegistry::Kind kind = UploadRegistry::Kind::kPlain) : registry_(kind) {
    env_.SkipRealSyncs();
    options_.insecure = true;
    options_.waiter = &waiter_;
    options_.environment = [this](const char* name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      if (found == environment_.end()) return std::nullopt;
      return found->second;
    };
  }

  store::ModelName Named(const std::string& rest) const {
    return *store::ModelName::Parse(registry_.Name(rest));
  }
  void Make(const std::vector<size_t>& sizes, uint64_t seed = 1) {
    model_ = PutModel(store_, registry_.Name(), sizes, seed);
    total_ = model_->manifest().TotalSize();
  }
  core::Result<PushReport> PushIt() {
    const auto sink = core::MakeNullSink();
    return Push(store_, model_->name, options_, *sink);
  }
  // The push has to work, and the registry must have what is here, byte for byte.
  PushReport MustPush() {
    auto report = PushIt();
    EXPECT_TRUE(report.ok()) << report.status().message();
    if (!report.ok()) return PushReport{.model = *model_};
    EXPECT_EQ(registry_.Manifest("me/m:latest"), model_->raw.bytes);
    model_->manifest().ForEachBlob([&](const store::Layer& layer) {
      EXPECT_EQ(registry_.Blob("me/m", layer.digest.ToString()),
                *store_.ReadBlob(layer, UINT64_MAX));
    });
    return *std::move(report);
  }
  // The push has to fail, and to leave the registry without a model.
  core::Status MustFail() {
    const auto report = PushIt();
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(registry_.Manifest("me/m:latest"), "");
    return report.status();
  }
  size_t FilesIn(const std::filesystem::path& directory) const {
    std::error_code absent;
    const std::filesystem::directory_iterator files(directory, absent);
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }

  testing::TempDir dir_{testing::TempPlace::kMemory};
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  FakeWaiter waiter_;
  PushOptions options_;
  std::map<std::string, std::string> environment_;
  std::optional<store::StoredModel> model_;
  uint64_t total_ = 0;  // bytes of its blobs
  UploadRegistry registry_;
};

}  // namespace ingot::registry

#endif  // INGOT_TESTS_REGISTRY_PUSH_FIXTURE_H_
