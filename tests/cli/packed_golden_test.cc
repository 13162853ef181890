// Checkpoints in the quantized layouts of other programs (tools/reference/packed_goldens.py makes
// them), imported and run: the weights are what the layout's formula says, bit for bit, and the
// logits those of the Hugging Face model over these weights.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json.h"
#include "core/strings.h"
#include "tests/cli/run_cli.h"
#include "tests/models/golden_check.h"
#include "tests/testing/python.h"
#include "tests/testing/temp_dir.h"

namespace ingot::cli {
namespace {

using core::StrCat;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kScript = "tools/reference/packed_goldens.py";

struct Layout {
  const char* name;
  const char* base;  // whose prompt the golden was made with
  const char* type;  // that the quantized weights are stored in
};

std::vector<float> LastFloats(const std::filesystem::path& path, size_t count) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<float> floats(count);
  if (bytes.size() < count * sizeof(float)) return {};
  std::memcpy(floats.data(), bytes.data() + bytes.size() - count * sizeof(float),
              count * sizeof(float));
  return floats;
}

class PackedGoldenTest : public ::testing::TestWithParam<Layout> {
 protected:
  Outcome Run(const std::vector<std::string>& words) {
    std::vector<std::string> all = {"--models", (dir_ / "models").native()};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<const char*> arguments;
    for (const std::string& word : all) arguments.push_back(word.c_str());
    return Ingot(arguments);
  }

  testing::TempDir dir_;
};

TEST_P(PackedGoldenTest, MeansWhatItsFormulaSaysAndRunsAsTheReferenceDoes) {
  const Layout& layout = GetParam();
  const std::string folder = (dir_ / "source").native();
  ASSERT_EQ(testing::RunPython(kScript, {"write", layout.name, folder}).exit_code, 0);
  // 8-bit floats become bfloat16, which their formula is stated in; what has 4 bits stays.
  const Outcome created =
      Run({"create", "m", "-f", folder + "/packed", "--dtype", "bfloat16", "--json"});
  ASSERT_EQ(created.exit, 0) << created.err;
  const auto json = core::ParseJson(created.out);
  ASSERT_TRUE(json.ok());
  EXPECT_TRUE((*json)["totals"]["types"].contains(layout.type)) << created.out;
  const auto check =
      testing::RunPython(kScript, {"check", folder, (dir_ / "models").native(), "m"});
  EXPECT_EQ(check.exit_code, 0) << check.output;

  const testing::Golden base = testing::ReadGolden(layout.base);
  std::vector<std::string> tokens;
  for (const int token : base.prompt) tokens.push_back(StrCat(token));
  const std::string npy = (dir_ / "logits.npy").native();
  const Outcome logits =
      Run({"logits", "m", "--tokens", core::Join(tokens, ","), "--dtype", "float32", "-o", npy});
  ASSERT_EQ(logits.exit, 0) << logits.err;
  const std::vector<float> expected =
      LastFloats(StrCat(INGOT_SOURCE_DIR "/tests/cli/packed_goldens/", layout.name, ".f32"),
                 base.logits.size());
  ASSERT_FALSE(expected.empty());
  EXPECT_LE(testing::WorstError(LastFloats(npy, base.logits.size()), expected), 2e-3);
}

// Without being told otherwise, 8-bit floats become mxfp8 where the rules quantize, and -q makes
// any other type of them.
TEST_P(PackedGoldenTest, EightBitFloatsBecomeEveryType) {
  const Layout& layout = GetParam();
  const std::string folder = (dir_ / "source").native();
  ASSERT_EQ(testing::RunPython(kScript, {"write", layout.name, folder}).exit_code, 0);
  const auto types = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"create",           "m",         "-f",
                                      folder + "/packed", "--dry-run", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    const auto json = core::ParseJson(outcome.out);
    std::vector<std::string> names;
    for (const auto& [name, total] : (*json)["model"]["totals"]["types"].items()) {
      names.push_back(name);
    }
    return names;
  };
  const bool eight_bits = std::string_view(layout.type) == "BF16";
  EXPECT_THAT(types({}), Contains(eight_bits ? "mxfp8" : layout.type));
  for (const char* type : {"int4", "int8", "nvfp4", "mxfp4", "mxfp8"}) {
    if (eight_bits) {
      EXPECT_THAT(types({"-q", type}), Contains(type));
    } else {
      EXPECT_THAT(types({"-q", type, "--allow-requantize"}), Contains(type));
      EXPECT_THAT(Run({"create", "m", "-f", folder + "/packed", "-q", type}).err,
                  HasSubstr("is already quantized"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, PackedGoldenTest,
                         ::testing::Values(Layout{"modelopt_nvfp4", "qwen3_5_moe", "nvfp4"},
                                           Layout{"modelopt_mixed", "llama", "nvfp4"},
                                           Layout{"compressed_nvfp4", "qwen3", "nvfp4"},
                                           Layout{"block_fp8", "qwen3_5_moe", "BF16"},
                                           Layout{"channel_fp8", "llama", "BF16"},
                                           Layout{"gpt_oss_mxfp4", "gpt_oss", "mxfp4"}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace ingot::cli
