// A store that the original wrote, and names that it parsed: we must see what it saw, and write
// what it would have written. tools/reference/original_store says how the data was made and how the
// original is made to read a store of ours.
#include <fstream>
#include <string>

#include "core/json.h"
#include "store/gc.h"
#include "store/json_text.h"
#include "store/verify.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Json;

const std::filesystem::path kData =
    std::filesystem::path(INGOT_SOURCE_DIR) / "tests/store/data/original";

class OriginalTest : public StoreTest {
 protected:
  OriginalTest() {
    std::filesystem::copy(kData / "store", store_.layout().root(),
                          std::filesystem::copy_options::recursive);
  }
};

TEST_F(OriginalTest, ItsStoreIsCleanAndStaysAsItIs) {
  const auto before = FilesBelow(store_.layout().root());
  const auto sink = core::MakeNullSink();
  const auto report = VerifyStore(store_, {}, *sink);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->Clean());
  EXPECT_EQ(report->models, 2u);
  EXPECT_EQ(report->blobs, 15u);
  EXPECT_TRUE(report->unreferenced.empty());
  EXPECT_EQ(FilesBelow(store_.layout().root()), before);
  EXPECT_TRUE(CollectGarbage(store_, {.min_age_ns = 0})->removed.empty());
}

TEST_F(OriginalTest, WeReadWhatItReads) {
  const auto expected = core::ParseJson(ReadAll(kData / "read.json"));
  ASSERT_TRUE(expected.ok()) << expected.status().message();
  const auto scan = store_.Scan();
  ASSERT_TRUE(scan.ok());
  ASSERT_EQ(scan->models.size(), expected->size());
  for (const StoredModel& model : scan->models) {
    ASSERT_TRUE(expected->contains(model.name.Full())) << model.name.Full();
    const Json& entry = (*expected)[model.name.Full()];
    EXPECT_EQ(model.raw.id.Hex(), entry["digest"].get<std::string>());
    EXPECT_EQ(model.manifest().TotalSize(), entry["size"].get<uint64_t>());
    EXPECT_EQ(model.manifest().layers.size(), entry["layers"].get<size_t>());
    const auto config = store_.ReadConfig(model.manifest());
    ASSERT_TRUE(config.ok()) << config.status().message();
    EXPECT_EQ(config->model_format, entry["config"]["model_format"].get<std::string>());
    EXPECT_EQ(config->file_type, entry["config"]["file_type"].get<std::string>());
    EXPECT_EQ(config->context_length, entry["config"].value("context_length", uint64_t{0}));
    EXPECT_EQ(config->capabilities.size(),
              entry["config"].value("capabilities", Json::array()).size());
  }
}

TEST_F(OriginalTest, WeWriteItsBytes) {
  const auto scan = store_.Scan();
  ASSERT_TRUE(scan.ok());
  for (const StoredModel& model : scan->models) {
    EXPECT_EQ(EncodeManifest(model.manifest()), model.raw.bytes);
    const auto text = store_.ReadBlob(model.manifest().config, kMaxConfigBytes);
    ASSERT_TRUE(text.ok());
    // One of its writers ends the config with a newline, the other does not.
    const std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
    EXPECT_EQ(EncodeModelConfig(*ParseModelConfig(*text)), line);
  }
}

TEST_F(OriginalTest, WeGoOnWhereItStopped) {
  Write("me/another");
  EXPECT_TRUE(HasModel("me/TINY-moe:f32"));
  EXPECT_EQ(store_.Canonical(NameOf("me/another"))->Full(), "registry.ollama.ai/Me/another:latest");
  const auto sink = core::MakeNullSink();
  EXPECT_TRUE(VerifyStore(store_, {}, *sink)->Clean());
}

TEST(OriginalNames, AreSplitAsItSplitsThem) {
  std::ifstream file(kData / "names.jsonl");
  std::string line;
  int valid = 0, invalid = 0;
  while (std::getline(file, line)) {
    const auto entry = core::ParseJson(line);
    ASSERT_TRUE(entry.ok()) << entry.status().message();
    const auto text = (*entry)["text"].get<std::string>();
    SCOPED_TRACE(line);
    const auto name = ModelName::Parse(text);
    if (!(*entry)["valid"].get<bool>()) {
      EXPECT_FALSE(name.ok());
      ++invalid;
      continue;
    }
    ++valid;
    const auto scheme = (*entry)["scheme"].get<std::string>();
    if ((scheme != "https" && scheme != "http") || text.starts_with("://")) {
      EXPECT_FALSE(name.ok());  // it takes any scheme, or none; nothing else leads to a registry
      continue;
    }
    ASSERT_TRUE(name.ok()) << name.status().message();
    EXPECT_EQ(name->Full(), (*entry)["full"].get<std::string>());
    EXPECT_EQ(name->Short(), (*entry)["short"].get<std::string>());
    EXPECT_EQ(name->scheme() == Scheme::kHttp, scheme == "http");
  }
  EXPECT_GT(valid, 50);
  EXPECT_GT(invalid, 200);
}

}  // namespace
}  // namespace ingot::store
