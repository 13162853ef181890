// Every architecture with known logits (tests/models/goldens), imported from every form of its
// experts, by one thread and by several, twice, and from its own export: one manifest, whose digest
// is kept in golden_digests.tsv. Compilers, processors and builds with and without checks
// (AddressSanitizer and UndefinedBehaviorSanitizer, whose run holds these tests too) are compared
// by it. The short run takes two types an architecture, in turn, and leaves out architectures that
// differ in numbers of config.json alone. With INGOT_WRITE_DIGESTS=FILE the table is written there
// instead (under INGOT_SOAK, which takes everything).
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "import/create.h"
#include "import/export.h"
#include "tests/models/seeded_checkpoint.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

namespace fs = std::filesystem;
using core::StrCat;
using family::Precision;
using ::ingot::testing::FuseExperts;
using ::ingot::testing::Golden;
using ::ingot::testing::SeededTensor;
using ::ingot::testing::StackExperts;

constexpr const char* kTable = INGOT_SOURCE_DIR "/tests/import/golden_digests.tsv";

bool Soak() { return std::getenv("INGOT_SOAK") != nullptr; }

// The same tensors as an architecture beside them.
constexpr std::string_view kVariants[] = {
    "cohere2_moe_sigmoid", "glm4_moe_lite_groups", "llama_linear", "llama_llama3",
    "llama_yarn",          "mistral_window",       "qwen3_window"};

bool Writes() { return std::getenv("INGOT_WRITE_DIGESTS") != nullptr; }

// "qwen3_moe int4" to a digest.
std::map<std::string, std::string> ReadTable() {
  std::map<std::string, std::string> table;
  std::ifstream file(kTable);
  std::string architecture;
  std::string type;
  std::string digest;
  while (file >> architecture >> type >> digest) table[StrCat(architecture, " ", type)] = digest;
  return table;
}

// Those of the table; all there are when it is written anew.
std::vector<std::string> Architectures() {
  std::set<std::string> names;
  if (Writes()) {
    for (const auto& entry : fs::directory_iterator(INGOT_SOURCE_DIR "/tests/models/goldens")) {
      if (entry.is_directory()) names.insert(entry.path().filename().string());
    }
  }
  for (const auto& [key, digest] : ReadTable()) names.insert(key.substr(0, key.find(' ')));
  if (!Soak()) {
    for (const std::string_view variant : kVariants) names.erase(std::string(variant));
  }
  return {names.begin(), names.end()};
}

class GoldenDigests : public ::testing::TestWithParam<std::string> {
 protected:
  GoldenDigests() { env_.SkipRealSyncs(); }

  // Into a store that holds nothing yet, so that nothing is found done.
  std::string Import(const fs::path& folder, Precision precision, core::ThreadPool& pool) {
    fs::remove_all(dir_ / "models");
    const auto create = [&]() -> core::Result<std::string> {
      INGOT_ASSIGN(Modelfile modelfile, ParseModelfile(StrCat("FROM \"", folder.native(), "\"")));
      CreateRequest request{.name = name_,
                            .modelfile = std::move(modelfile),
                            .base = dir_.path(),
                            .recipe = {},
                            .draft_requested = {}};
      request.recipe.requested = precision;
      INGOT_ASSIGN(const CreatePlan plan, PlanCreate(store_, std::move(request)));
      INGOT_ASSIGN(const CreateOutcome outcome, ExecuteCreate(store_, plan, {.pool = &pool}));
      return outcome.model.raw.id.Hex();
    };
    const core::Result<std::string> id = create();
    EXPECT_TRUE(id.ok()) << id.status().message();
    return id.ok() ? *id : std::string();
  }

  testing::TempDir dir_;
  testing::FaultEnv env_{core::Env::Posix()};
  store::Store store_{env_, core::Clock::System(), dir_ / "models"};
  const store::ModelName name_ = *store::ModelName::Parse("golden");
  core::ThreadPool one_{1};
  core::ThreadPool several_{3};
};

TEST_P(GoldenDigests, AreThoseOfEveryFormThreadBuildAndMachine) {
  const Golden golden = testing::ReadGolden(GetParam());
  std::vector<std::vector<SeededTensor>> forms = {golden.tensors};
  const std::vector<SeededTensor> stacked = StackExperts(golden.tensors, "experts", ".weight");
  if (stacked.size() != golden.tensors.size()) {  // one by one, as most are published
    forms.push_back(stacked);
    forms.push_back(StackExperts(golden.tensors, "switch_mlp", ".weight"));
    const bool gated = std::any_of(stacked.begin(), stacked.end(), [](const SeededTensor& tensor) {
      return tensor.name.find(".experts.gate_proj") != std::string::npos;
    });
    if (gated) forms.push_back(FuseExperts(golden.tensors, ""));
  }
  for (size_t form = 0; form < forms.size(); ++form) {
    testing::WriteFolder(dir_ / StrCat("form", form), golden.config, forms[form]);
  }
  const std::map<std::string, std::string> table = ReadTable();
  const std::vector<std::string> all = Architectures();
  const auto turn = static_cast<size_t>(std::ranges::find(all, GetParam()) - all.begin());
  for (size_t type = 0; type < family::kPrecisionCount; ++type) {
    const bool ours = type == 0 || type == 1 + turn % (family::kPrecisionCount - 1);
    if (!Soak() && !ours) continue;
    const auto precision = static_cast<Precision>(type);
    const std::string_view type_name = family::NameOf(precision);
    SCOPED_TRACE(type_name);
    const std::string id = Import(dir_ / "form0", precision, one_);
    const fs::path exported = dir_ / StrCat("export", type);
    const auto outcome = ExportModel(store_, name_, exported);
    ASSERT_TRUE(outcome.ok()) << outcome.status().message();
    EXPECT_EQ(Import(exported, Precision::kSource, several_), id) << "of its own export";
    for (size_t form = forms.size() == 1 ? 0 : 1; form < forms.size(); ++form) {
      EXPECT_EQ(Import(dir_ / StrCat("form", form), precision, several_), id) << "form " << form;
    }
    if (const char* out = std::getenv("INGOT_WRITE_DIGESTS"); out != nullptr) {
      std::ofstream(out, std::ios::app) << GetParam() << "\t" << type_name << "\t" << id << "\n";
      continue;
    }
    const auto found = table.find(StrCat(GetParam(), " ", type_name));
    ASSERT_NE(found, table.end()) << "golden_digests.tsv lacks it";
    EXPECT_EQ(id, found->second);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, GoldenDigests, ::testing::ValuesIn(Architectures()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ingot::import
