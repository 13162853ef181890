// Imports of every type, compared tensor by tensor with what MLX makes of the same sources:
// tools/reference/check_import.py stacks them with numpy and asks mlx.core.quantize.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/strings.h"
#include "import/create.h"
#include "tests/import/model_maker.h"
#include "tests/testing/fault_env.h"
#include "tests/testing/python.h"
#include "tests/testing/temp_dir.h"

namespace ingot::import {
namespace {

using core::StrCat;
using tensor::DType;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Case {
  std::string_view family;
  Form form;
  DType dtype;
};
// Every expert form, every float type, and each layout of experts that there is.
constexpr Case kCases[] = {
    {"qwen3_moe", Form::kPerExpert, DType::kBF16}, {"qwen3_5_moe_vl", Form::kFused, DType::kF16},
    {"gemma4", Form::kFused, DType::kF32},         {"gemma4", Form::kPerExpert, DType::kBF16},
    {"nemotron_h", Form::kStacked, DType::kF16},   {"laguna", Form::kMlx, DType::kF32},
    {"cohere2_moe", Form::kStacked, DType::kBF16}, {"glm4_moe_lite", Form::kFused, DType::kBF16},
    {"llama", Form::kStacked, DType::kF32},        {"bert", Form::kStacked, DType::kF16},
};

TEST(MlxDifferential, EveryTensorIsWhatMlxMakesOfTheStackedSource) {
  testing::TempDir dir;
  testing::FaultEnv env(core::Env::Posix());
  env.SkipRealSyncs();
  const store::Store store(env, core::Clock::System(), dir / "models");
  core::ThreadPool pool(2);
  std::vector<std::string> arguments = {(dir / "models").native()};
  for (size_t i = 0; i < std::size(kCases); ++i) {
    const Case& c = kCases[i];
    const auto folder = dir / StrCat("source", i);
    MakeModel(folder, c.family, c.form, {.dtype = c.dtype}).Write();
    for (size_t type = 0; type < family::kPrecisionCount; ++type) {
      Recipe recipe;
      recipe.requested = static_cast<family::Precision>(type);
      const std::string name = StrCat("m", i, "-", type);
      Modelfile modelfile;
      modelfile.from = folder.native();
      const auto plan = PlanCreate(store, {.name = *store::ModelName::Parse(name),
                                           .modelfile = modelfile,
                                           .base = {},
                                           .recipe = recipe,
                                           .draft_requested = {}});
      ASSERT_TRUE(plan.ok()) << plan.status().message();
      const auto outcome = ExecuteCreate(store, *plan, {.pool = &pool});
      ASSERT_TRUE(outcome.ok()) << outcome.status().message();
      arguments.push_back(StrCat(name, "=", folder.native()));
    }
  }
  const auto run = testing::RunPython("tools/reference/check_import.py", arguments);
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_THAT(run.output, StartsWith("BF16="));
  for (const char* type : {"int4=", "int8=", "nvfp4=", "mxfp4=", "mxfp8=", "F32=", "F16="}) {
    EXPECT_THAT(run.output, HasSubstr(type));
  }
}

}  // namespace
}  // namespace ingot::import
