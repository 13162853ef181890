#include "core/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::core {
namespace {

using ::testing::HasSubstr;

TEST(Cpu, PortableIsAlwaysSupportedAndFirst) {
  const std::vector<Isa> supported = SupportedIsas();
  ASSERT_FALSE(supported.empty());
  EXPECT_EQ(supported.front(), Isa::kPortable);
  for (Isa isa : supported) EXPECT_TRUE(IsSupported(isa)) << IsaName(isa);
}

TEST(Cpu, DemandingFormsImplyThePlainerOnes) {
  EXPECT_TRUE(Cpu().avx512 || !Cpu().amx);
  EXPECT_TRUE(Cpu().avx2 || !Cpu().avx512);
  EXPECT_TRUE(Cpu().avx512_bf16 || !Cpu().avx512_bf16_fast);
#if defined(__aarch64__)
  EXPECT_TRUE(Cpu().neon);
  EXPECT_FALSE(Cpu().avx2);
#else
  EXPECT_FALSE(Cpu().neon);
#endif
}

TEST(Cpu, NamesReadBackInAnyCase) {
  for (std::string_view name : {"portable", "neon", "avx2", "avx512", "amx"}) {
    const std::optional<Isa> isa = ParseIsa(name);
    ASSERT_TRUE(isa.has_value()) << name;
    EXPECT_EQ(IsaName(*isa), name);
  }
  EXPECT_EQ(ParseIsa("AVX512"), Isa::kAvx512);
  EXPECT_EQ(ParseIsa("sse"), std::nullopt);
}

TEST(Cpu, EmptyChoiceIsTheBestAndAnUnknownOneSaysWhatExists) {
  EXPECT_EQ(*ChooseIsa(""), SupportedIsas().back());
  EXPECT_EQ(*ChooseIsa("Portable"), Isa::kPortable);
  const Result<Isa> unknown = ChooseIsa("sse9\n");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.status().message()), HasSubstr("portable, neon, avx2"));
}

TEST(Cpu, AnInstructionSetThatTheMachineLacksIsRefused) {
  const Isa foreign = Cpu().neon ? Isa::kAvx2 : Isa::kNeon;
  const Result<Isa> chosen = ChooseIsa(IsaName(foreign));
  ASSERT_FALSE(chosen.ok());
  EXPECT_EQ(chosen.status().code(), Code::kUnsupported);
  EXPECT_THAT(std::string(chosen.status().message()), HasSubstr("it has portable"));
}

TEST(Cpu, AKernelWithoutTheBestFormRunsTheNextPlainerOne) {
  constexpr Isa kX86[] = {Isa::kPortable, Isa::kAvx2, Isa::kAvx512};
  EXPECT_EQ(BestFormFor(Isa::kAmx, kX86), Isa::kAvx512);
  EXPECT_EQ(BestFormFor(Isa::kAvx2, kX86), Isa::kAvx2);
  EXPECT_EQ(BestFormFor(Isa::kNeon, kX86), Isa::kPortable);
  constexpr Isa kAll[] = {Isa::kPortable, Isa::kNeon, Isa::kAvx2};
  EXPECT_EQ(BestFormFor(Isa::kNeon, kAll), Isa::kNeon);
  EXPECT_EQ(BestFormFor(Isa::kAvx512, kAll), Isa::kAvx2);
  EXPECT_EQ(BestFormFor(Isa::kPortable, kAll), Isa::kPortable);
}

}  // namespace
}  // namespace ingot::core
