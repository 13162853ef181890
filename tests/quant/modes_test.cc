#include "quant/modes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Modes, EveryModeIsFoundByItsNameAndNoOther) {
  for (const ModeInfo& info : Modes()) {
    EXPECT_EQ(ParseMode(info.name), info.mode);
    EXPECT_EQ(InfoOf(info.mode).name, info.name);
  }
  EXPECT_EQ(ParseMode("Affine"), std::nullopt);
  EXPECT_EQ(ParseMode(""), std::nullopt);
}

TEST(Modes, TypesAreFoundByNameAndAliasInAnyCaseWithBlanksAround) {
  const Format int4{Mode::kAffine, 4, 64};
  const Format int8{Mode::kAffine, 8, 64};
  for (std::string_view name : {"int4", "INT4", " q4 ", "Q4", "fp4", "FP4"}) {
    EXPECT_EQ(ParseType(name), int4) << name;
  }
  for (std::string_view name : {"int8", "Int8", "q8", "FP8\n"}) {
    EXPECT_EQ(ParseType(name), int8) << name;
  }
  EXPECT_EQ(ParseType("nvfp4"), (Format{Mode::kNvfp4, 4, 16}));
  EXPECT_EQ(ParseType("MXFP4"), (Format{Mode::kMxfp4, 4, 32}));
  EXPECT_EQ(ParseType("mxfp8"), (Format{Mode::kMxfp8, 8, 32}));
  for (std::string_view name : {"", "int", "int7", "q5", "nvfp8", "int4 int8"}) {
    EXPECT_EQ(ParseType(name), std::nullopt) << name;
  }
}

TEST(Modes, EveryTypeIsAFormatThatItsModeAllows) {
  for (const TypeInfo& type : Types()) {
    const Format f = type.format;
    EXPECT_TRUE(MakeFormat(f.mode, f.bits, f.group_size).ok()) << type.name;
    EXPECT_EQ(TypeName(f), type.name);
  }
  EXPECT_EQ(TypeName({Mode::kAffine, 4, 128}), "int4");
  EXPECT_EQ(ImportableTypeNames(), "int4, int8, nvfp4, mxfp4, mxfp8");
}

TEST(Modes, SensitiveTensorsArePromotedWithinTheFamily) {
  EXPECT_EQ(TypeName(EightBitFormat(*ParseType("int4"))), "int8");
  EXPECT_EQ(TypeName(EightBitFormat(*ParseType("int8"))), "int8");
  for (std::string_view name : {"nvfp4", "mxfp4", "mxfp8"}) {
    EXPECT_EQ(TypeName(EightBitFormat(*ParseType(name))), "mxfp8");
  }
}

TEST(Modes, AFormatThatTheModeHasNotIsRefusedWithWhatItHas) {
  EXPECT_EQ(*MakeFormat(Mode::kAffine, 3, 128), (Format{Mode::kAffine, 3, 128}));
  const core::Status bits = MakeFormat(Mode::kAffine, 7, 64).status();
  EXPECT_EQ(bits.code(), core::Code::kUnsupported);
  EXPECT_THAT(std::string(bits.message()), HasSubstr("2, 3, 4, 5, 6, 8 bits, not of 7"));
  const core::Status group = MakeFormat(Mode::kNvfp4, 4, 32).status();
  EXPECT_THAT(std::string(group.message()), HasSubstr("nvfp4 has groups of 16, not of 32"));
  EXPECT_FALSE(MakeFormat(Mode::kMxfp8, 4, 32).ok());
  EXPECT_FALSE(MakeFormat(Mode::kAffine, 4, 0).ok());
  EXPECT_FALSE(MakeFormat(Mode::kAffine, uint64_t{4} << 32 | 4, 64).ok());
}

TEST(Modes, PackedAndUnpackedWidthsAreInverse) {
  for (const ModeInfo& info : Modes()) {
    for (uint8_t bits : info.bits) {
      for (uint16_t group : info.group_sizes) {
        const Format format{info.mode, bits, group};
        const uint64_t columns = uint64_t{group} * 6;
        EXPECT_EQ(UnpackedColumns(format, PackedWords(format, columns)), columns);
        EXPECT_EQ(GroupsInRow(format, columns), 6u);
        EXPECT_TRUE(Fits(format, columns));
        EXPECT_FALSE(Fits(format, columns + 1));
      }
    }
  }
  EXPECT_EQ(UnpackedColumns({Mode::kAffine, 3, 32}, 1), std::nullopt);
  EXPECT_EQ(UnpackedColumns({Mode::kAffine, 4, 32}, UINT64_MAX / 2), std::nullopt);
}

TEST(Modes, ByteScalesSayTheModeFromTheShapes) {
  EXPECT_THAT(FormatsMatching(256, 128, true), ElementsAre(Format{Mode::kNvfp4, 4, 16}));
  EXPECT_THAT(FormatsMatching(256, 64, true), ElementsAre(Format{Mode::kMxfp4, 4, 32}));
  EXPECT_THAT(FormatsMatching(256, 32, true), ElementsAre(Format{Mode::kMxfp8, 8, 32}));
  EXPECT_THAT(FormatsMatching(256, 33, true), IsEmpty());
}

TEST(Modes, FloatScalesMayLeaveSeveralReadings) {
  EXPECT_THAT(FormatsMatching(256, 32, false),
              ElementsAre(Format{Mode::kAffine, 2, 128}, Format{Mode::kAffine, 4, 64},
                          Format{Mode::kAffine, 8, 32}));
  EXPECT_THAT(FormatsMatching(192, 32, false),
              ElementsAre(Format{Mode::kAffine, 3, 64}, Format{Mode::kAffine, 6, 32}));
  EXPECT_THAT(FormatsMatching(0, 0, false), IsEmpty());
  EXPECT_THAT(FormatsMatching(UINT64_MAX, 1, false), IsEmpty());
  EXPECT_THAT(FormatsMatching(1, UINT64_MAX, true), IsEmpty());
}

}  // namespace
}  // namespace ingot::quant
