// pull, push, repair, import-store and show of a model that is still coming, from the command line
// to what they print, with Debian's docker-registry on loopback.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "store/session.h"
#include "store/transfer_files.h"
#include "tests/cli/run_cli.h"
#include "tests/registry/docker_registry.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;
using core::Json;
using core::StrCat;
using ::testing::HasSubstr;
using ::testing::Not;

class RegistryCommandsTest : public ::testing::Test {
 protected:
  RegistryCommandsTest() {
    setenv("NETRC", docker_.netrc().c_str(), 1);
    setenv("DOCKER_CONFIG", dir_.path().c_str(), 1);
    unsetenv("INGOT_REGISTRY_TOKEN");
    name_ = docker_.Host() + "/me/m:v1";
    Write(name_, std::string(300000, 'w'));
  }
  ~RegistryCommandsTest() override {
    unsetenv("NETRC");
    unsetenv("DOCKER_CONFIG");
  }

  void Write(const std::string& name, const std::string& weights) {
    const auto session = *store::WriteSession::Begin(source_);
    const auto put = [&](std::string_view type, std::string layer, std::string_view content) {
      const store::BlobInfo blob = *session->PutBlob(content);
      return store::Layer{std::string(type), blob.digest, blob.size, "", std::move(layer)};
    };
    const store::Manifest manifest{
        .config = put(store::kConfigMediaType, "",
                      R"({"model_format":"gguf","model_family":"tiny","model_type":"1B"})"),
        .layers = {put(store::kGgufModelMediaType, "", weights),
                   put(store::kLicenseMediaType, "", "Do as you like.")}};
    model_ = *session->Commit(*store::ModelName::Parse(name), manifest);
  }
  Outcome At(const std::string& root, std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), {"--models", root.c_str()});
    return Ingot(std::move(arguments));
  }
  // The last of several JSON values, one a line.
  static Json LastLine(const Outcome& outcome) {
    const auto lines = core::Split(core::Trim(outcome.out), '\n');
    auto json = core::ParseJson(lines.back());
    return json.ok() ? *std::move(json) : Json();
  }

  testing::TempDir dir_{testing::TempPlace::kMemory};
  testing::DockerRegistry docker_{dir_ / "docker"};
  const std::string source_root_ = (dir_ / "source").string();
  const std::string root_ = (dir_ / "models").string();
  store::Store source_{core::Env::Posix(), core::Clock::System(), source_root_};
  store::Store store_{core::Env::Posix(), core::Clock::System(), root_};
  std::string name_;
  std::optional<store::StoredModel> model_;
};

TEST_F(RegistryCommandsTest, PushesAndPullsAndMendsAndImports) {
  const char* name = name_.c_str();
  const Outcome pushed = At(source_root_, {"push", "--insecure", name});
  ASSERT_EQ(pushed.exit, 0) << pushed.err;
  EXPECT_THAT(pushed.out, HasSubstr(StrCat("Pushed ", name_)));
  EXPECT_THAT(pushed.out, HasSubstr("3 blobs"));
  const Json again = LastLine(At(source_root_, {"push", "--insecure", "--json", name}));
  EXPECT_EQ(again["blobs_present"], 3);
  EXPECT_EQ(again["bytes_sent"], 0);

  const Outcome pulled = At(root_, {"pull", "--insecure", "--json", name});
  ASSERT_EQ(pulled.exit, 0) << pulled.err;
  EXPECT_EQ(LastLine(pulled)["id"], model_->raw.id.ToString());
  EXPECT_THAT(At(root_, {"pull", "--insecure", name}).out, HasSubstr("is up to date"));
  EXPECT_EQ(At(root_, {"verify"}).exit, 0);

  // A blob that is short: only its rest is fetched.
  const fs::path weights = store_.layout().Blob(model_->manifest().layers[0].digest);
  fs::resize_file(weights, 299000);
  EXPECT_EQ(At(root_, {"verify", name}).exit, 1);
  const Outcome dry = At(root_, {"repair", "--dry-run", name});
  EXPECT_THAT(dry.out, HasSubstr("fetches just those"));
  EXPECT_TRUE(fs::exists(weights));
  const Outcome offline = At(root_, {"repair", "--offline", "--json", name});
  EXPECT_EQ(offline.exit, 0);
  EXPECT_TRUE((*core::ParseJson(offline.out))["fetched"].is_null());
  EXPECT_FALSE(fs::exists(weights));
  const Outcome mended = At(root_, {"repair", "--insecure", name});
  ASSERT_EQ(mended.exit, 0) << mended.err;
  EXPECT_THAT(mended.out, HasSubstr("Fetched 1 blob"));
  EXPECT_EQ(At(root_, {"verify"}).exit, 0);
  fs::resize_file(weights, 299000);
  const Json report = *core::ParseJson(At(root_, {"repair", "--insecure", "--json", name}).out);
  EXPECT_EQ(report["fetched"]["bytes_fetched"], 1000);
  EXPECT_EQ(report["fetched"]["bytes_kept"], 299000);
  EXPECT_EQ(At(root_, {"verify"}).exit, 0);

  const std::string third = (dir_ / "third").string();
  const Outcome taken = At(third, {"import-store", root_.c_str()});
  ASSERT_EQ(taken.exit, 0) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("imported"));
  const Json unchanged = *core::ParseJson(At(third, {"import-store", "--json", root_.c_str()}).out);
  EXPECT_EQ(unchanged["models"][0]["outcome"], "unchanged");
  EXPECT_EQ(At(third, {"verify"}).exit, 0);
  EXPECT_EQ(At(third, {"import-store", "/nonexistent"}).exit, 2);
}

TEST_F(RegistryCommandsTest, WhatTheRegistryDoesNotHaveIsAnErrorThatSaysSo) {
  const std::string absent = docker_.Host() + "/me/absent";
  const Outcome pulled = At(root_, {"pull", "--insecure", absent.c_str()});
  EXPECT_EQ(pulled.exit, 1);
  EXPECT_THAT(pulled.err, HasSubstr("404"));
  EXPECT_EQ(At(root_, {"push", "--insecure", absent.c_str()}).exit, 1);
  const std::string plain_name = StrCat("http://", name_);
  const Outcome plain = At(source_root_, {"push", plain_name.c_str()});
  EXPECT_EQ(plain.exit, 2);
  EXPECT_THAT(plain.err, HasSubstr("--insecure"));
  fs::remove(source_.layout().Blob(model_->manifest().layers[0].digest));
  const Outcome repaired = At(source_root_, {"repair", "--insecure", name_.c_str()});
  EXPECT_EQ(repaired.exit, 1);
  EXPECT_THAT(repaired.err, HasSubstr("does not have"));
}

TEST_F(RegistryCommandsTest, AModelThatIsStillComingIsShown) {
  const auto put = [&](const store::Layer& layer) {
    const auto session = *store::WriteSession::Begin(store_);
    EXPECT_TRUE(session->PutBlob(*source_.ReadBlob(layer, 1 << 20)).ok());
  };
  put(model_->manifest().config);
  put(model_->manifest().layers[1]);
  const core::Path marker = store::PullingOf(store_.layout(), *store::ModelName::Parse(name_));
  fs::create_directories(marker.parent_path());
  ASSERT_TRUE(core::WriteFileAtomic(core::Env::Posix(), marker, model_->raw.bytes).ok());
  const Outcome shown = At(root_, {"show", name_.c_str()});
  ASSERT_EQ(shown.exit, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("tiny"));
  EXPECT_THAT(shown.out, HasSubstr("Do as you like."));
  EXPECT_THAT(shown.out, HasSubstr("2 of 3 blobs"));
  EXPECT_THAT(shown.out, HasSubstr("goes on"));
  const Json json = *core::ParseJson(At(root_, {"show", "--json", name_.c_str()}).out);
  EXPECT_EQ(json["partial"]["pulling"], false);
  EXPECT_EQ(json["partial"]["blobs_here"], 2);
  EXPECT_EQ(At(root_, {"pull", "--insecure", name_.c_str()}).exit, 1);  // never pushed
  EXPECT_THAT(At(root_, {"list"}).out, Not(HasSubstr("me/m")));
}

}  // namespace
}  // namespace ingot::cli
