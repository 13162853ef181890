#include "store/layout.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace ingot::store {
namespace {

const std::string kHex = Digest::Of("").Hex();

TEST(Layout, IsThatOfTheOriginal) {
  const Layout layout("/m");
  EXPECT_EQ(layout.Blob(Digest::Of("")), Path("/m/blobs/sha256-" + kHex));
  EXPECT_EQ(layout.ManifestOf(*ModelName::Parse("me/m:t")),
            Path("/m/manifests/registry.ollama.ai/me/m/t"));
}

TEST(Layout, OwnStateLiesBesideBlobs) {
  const Layout layout("/m");
  for (const Path& path : {layout.Temp(), layout.Sessions(), layout.Leases(), layout.StoreLock(),
                           layout.Quarantine()}) {
    EXPECT_TRUE(path.native().starts_with("/m/ingot/")) << path;
  }
}

TEST(Layout, SpellingsOfANameShareTheirLock) {
  const Layout layout("/m");
  EXPECT_EQ(layout.NameLock(*ModelName::Parse("Me/M:T")),
            layout.NameLock(*ModelName::Parse("me/m:t")));
  EXPECT_NE(layout.NameLock(*ModelName::Parse("me/m:t")),
            layout.NameLock(*ModelName::Parse("me/m:u")));
  const std::string longest(350, 'h');
  EXPECT_LT(layout.NameLock(*ModelName::Parse(longest + "/n/m")).filename().native().size(), 255u);
}

TEST(ClassifyBlobEntry, KnowsBlobsAndOtherProgramsWork) {
  const auto kind = [](std::string_view name) { return ClassifyBlobEntry(name).kind; };
  EXPECT_EQ(kind("sha256-" + kHex), BlobEntryKind::kBlob);
  EXPECT_EQ(*ClassifyBlobEntry("sha256-" + kHex).digest, Digest::Of(""));
  EXPECT_EQ(kind("sha256:" + kHex), BlobEntryKind::kOldBlob);
  for (const std::string tail : {".tmp", "-partial", "-partial-0", "-partial-15"}) {
    EXPECT_EQ(kind("sha256-" + kHex + tail), BlobEntryKind::kPartial) << tail;
  }
  EXPECT_EQ(kind("sha256-1834659128"), BlobEntryKind::kPartial);
  std::string upper = kHex;
  upper[0] = 'E';
  for (const std::string& name :
       {std::string("readme"), std::string(".DS_Store"), "sha256-" + kHex + ".bak",
        "sha256-" + kHex + "-partial-", "sha256-" + kHex + "-partial-x", std::string("sha256-"),
        std::string("sha256-x"), "sha256-" + upper}) {
    EXPECT_EQ(kind(name), BlobEntryKind::kStranger) << name;
  }
}

TEST(FindModelsRoot, AsksTheVariablesInTurn) {
  std::map<std::string, std::string> variables;
  const EnvironmentLookup lookup = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  EXPECT_FALSE(FindModelsRoot(lookup).ok());
  variables["HOME"] = "/home/me";
  EXPECT_EQ(*FindModelsRoot(lookup), Path("/home/me/.ingot/models"));
  variables["OLLAMA_MODELS"] = "/o";
  EXPECT_EQ(*FindModelsRoot(lookup), Path("/o"));
  variables["INGOT_MODELS"] = "/i";
  EXPECT_EQ(*FindModelsRoot(lookup), Path("/i"));
  variables["INGOT_MODELS"] = "  \"/i j\" ";
  EXPECT_EQ(*FindModelsRoot(lookup), Path("/i j"));
  variables["INGOT_MODELS"] = " '' ";
  EXPECT_EQ(*FindModelsRoot(lookup), Path("/o"));
}

}  // namespace
}  // namespace ingot::store
