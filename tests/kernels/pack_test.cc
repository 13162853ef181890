// Packed columns in every form the machine has: what comes back, and attention that reads them.
#include "kernels/pack.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/attend.h"
#include "kernels/form.h"

namespace ingot::kernels {
namespace {

std::vector<float> Numbers(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = normal(random);
  return numbers;
}

struct Packed {
  Packed(const Form& form, const std::vector<float>& from)
      : width(from.size()), bytes(PackedBytes(from.size()) + 1, std::byte{0x5a}) {
    form.rows.pack(from.data(), width, bytes.data());
  }
  std::vector<float> Back(const Form& form, size_t count) const {
    std::vector<float> numbers(count);
    form.rows.unpack(bytes.data(), width, count, numbers.data());
    return numbers;
  }
  float Scale(size_t group) const {
    float scale = 0;
    std::memcpy(&scale, bytes.data() + width + group * sizeof scale, sizeof scale);
    return scale;
  }
  size_t width;
  std::vector<std::byte> bytes;  // and one that is nobody's
};

// Forms that have kernels of rows of their own.
std::vector<const Form*> RowForms() {
  std::vector<const Form*> forms;
  for (const Form* form : SupportedForms()) {
    if (form->rows.pack != nullptr) forms.push_back(form);
  }
  return forms;
}

TEST(Pack, AWidthIsToldByItsBytes) {
  for (size_t width = 1; width < 700; ++width) EXPECT_EQ(WidthOfPacked(PackedBytes(width)), width);
  EXPECT_EQ(PackedBytes(128), 136U);
  EXPECT_EQ(WidthOfPacked(70), 0U);  // 64 numbers have 68 bytes, 65 have 73
  EXPECT_EQ(WidthOfPacked(4), 0U);
  EXPECT_EQ(WidthOfPacked(0), 0U);
}

TEST(Pack, EveryFormKeepsNumbersToHalfTheirGroupsStep) {
  for (const size_t width : {1U, 15U, 16U, 40U, 64U, 65U, 80U, 128U, 576U}) {
    const std::vector<float> numbers = Numbers(width, 7);
    const Packed plain(kPortableForm, numbers);
    for (const Form* form : RowForms()) {
      const Packed packed(*form, numbers);
      EXPECT_EQ(packed.bytes, plain.bytes) << form->name << " " << width;
      const std::vector<float> back = packed.Back(*form, width);
      float worst = 0;
      for (size_t i = 0; i < width; ++i) {
        const float step = packed.Scale(i / kPackGroup);
        worst = std::max(worst, std::abs(back[i] - numbers[i]) / step);
      }
      // 127 steps and a rounding of each to 24 bits: 2^-17 of a step at most.
      EXPECT_LE(worst, 0.5F + 0x1p-16F) << form->name << " " << width;
      if (width >= 64) {
        EXPECT_GE(worst, 0.45F) << form->name << " " << width;
      }
    }
  }
}

TEST(Pack, AScaleIsItsGroupsLargestMagnitudeOver127) {
  std::vector<float> numbers(100, 0.25F);
  numbers[3] = -2.0F;
  numbers[99] = 0.5F;
  for (const Form* form : RowForms()) {
    const Packed packed(*form, numbers);
    EXPECT_EQ(packed.Scale(0), 2.0F / 127) << form->name;
    EXPECT_EQ(packed.Scale(1), 0.5F / 127) << form->name;
    EXPECT_EQ(static_cast<int8_t>(packed.bytes[3]), -127) << form->name;
  }
}

TEST(Pack, NanAndInfinityTakeTheirWholeGroupAndNothingElse) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    std::vector<float> numbers = Numbers(150, 8);
    numbers[70] = bad;
    for (const Form* form : RowForms()) {
      const std::vector<float> back = Packed(*form, numbers).Back(*form, 150);
      for (size_t i = 0; i < 150; ++i) {
        EXPECT_EQ(std::isnan(back[i]), i / kPackGroup == 1) << form->name << " " << i;
      }
    }
  }
}

TEST(Pack, ZerosStayZerosAndTheSmallestNumbersBecomeZeros) {
  for (const Form* form : RowForms()) {
    for (const float small : {0.0F, -0.0F, FLT_MIN, 100 * FLT_MIN}) {
      const std::vector<float> back = Packed(*form, std::vector<float>(20, small)).Back(*form, 20);
      for (const float number : back) EXPECT_EQ(number, 0.0F) << form->name << " " << small;
    }
    // The largest of bf16 are kept.
    const std::vector<float> back = Packed(*form, std::vector<float>(3, 3.38e38F)).Back(*form, 3);
    EXPECT_NEAR(back[0] / 3.38e38F, 1.0F, 1e-6F) << form->name;
  }
}

TEST(Pack, TheFirstNumbersOfALongerColumnCanBeReadAlone) {
  const std::vector<float> numbers = Numbers(200, 9);
  for (const Form* form : RowForms()) {
    const Packed packed(*form, numbers);
    const std::vector<float> all = packed.Back(*form, 200);
    for (const size_t count : {1U, 64U, 70U, 131U}) {
      const std::vector<float> first = packed.Back(*form, count);
      EXPECT_TRUE(std::equal(first.begin(), first.end(), all.begin())) << form->name;
    }
  }
}

// Keys of 90 numbers with values of 72, or the first 72 numbers of the keys as values.
struct Columns {
  static constexpr size_t kKeys = 150;
  static constexpr size_t kKeyWidth = 90;
  static constexpr size_t kValueWidth = 72;
  static constexpr size_t kKeyRoom = RoundUp(kKeyWidth, kVector);
  static constexpr size_t kValueRoom = RoundUp(kValueWidth, kVector);

  Columns()
      : q(6 * kKeyRoom),
        keys(kKeys * PackedBytes(kKeyWidth)),
        values(kKeys * PackedBytes(kValueWidth)) {
    const std::vector<float> asked = Numbers(6 * kKeyWidth, 1);
    for (size_t r = 0; r < 6; ++r) {
      std::copy_n(asked.data() + r * kKeyWidth, kKeyWidth, q.data() + r * kKeyRoom);
    }
    for (size_t i = 0; i < kKeys; ++i) {
      Set(i, Numbers(kKeyWidth, 100 + static_cast<unsigned>(i)),
          Numbers(kValueWidth, 900 + static_cast<unsigned>(i)));
    }
  }
  void Set(size_t i, const std::vector<float>& key, const std::vector<float>& value) {
    kPortableForm.rows.pack(key.data(), kKeyWidth, keys.data() + i * PackedBytes(kKeyWidth));
    kPortableForm.rows.pack(value.data(), kValueWidth,
                            values.data() + i * PackedBytes(kValueWidth));
  }

  AttendRun Run(const std::vector<AttendQuery>& queries, bool shared, float* out) const {
    AttendRun run{};
    run.rows = queries.size();
    run.queries = queries.data();
    run.q = q.data();
    run.q_stride = kKeyRoom;
    run.keys = kKeys;
    run.key_rows = keys.data();
    run.key_stride = PackedBytes(kKeyWidth);
    run.key_width = kKeyWidth;
    run.key_scales = kKeyWidth;
    run.value_rows = shared ? keys.data() : values.data();
    run.value_stride = static_cast<ptrdiff_t>(PackedBytes(shared ? kKeyWidth : kValueWidth));
    run.value_width = kValueWidth;
    run.value_scales = shared ? kKeyWidth : kValueWidth;
    run.scale = 0.15F;
    run.out = out;
    run.out_stride = kValueRoom;
    return run;
  }
  std::vector<float> Attend(const Form& form, const std::vector<AttendQuery>& queries,
                            bool shared) const {
    std::vector<float> out(queries.size() * kValueRoom);
    form.attend(Run(queries, shared, out.data()));
    return out;
  }
  // The same by a form for floats, over columns that were unpacked.
  std::vector<float> Expected(const std::vector<AttendQuery>& queries, bool shared) const {
    std::vector<float> plain_keys(kKeys * kKeyWidth);
    std::vector<float> plain_values(kKeys * kValueWidth);
    for (size_t i = 0; i < kKeys; ++i) {
      const std::byte* key = keys.data() + i * PackedBytes(kKeyWidth);
      kPortableForm.rows.unpack(key, kKeyWidth, kKeyWidth, plain_keys.data() + i * kKeyWidth);
      kPortableForm.rows.unpack(shared ? key : values.data() + i * PackedBytes(kValueWidth),
                                shared ? kKeyWidth : kValueWidth, kValueWidth,
                                plain_values.data() + i * kValueWidth);
    }
    std::vector<float> out(queries.size() * kValueRoom);
    AttendRun run = Run(queries, shared, out.data());
    run.type = FloatType::kF32;
    run.key_scales = 0;
    run.value_scales = 0;
    run.key_rows = reinterpret_cast<const std::byte*>(plain_keys.data());
    run.key_stride = kKeyWidth * sizeof(float);
    run.value_rows = reinterpret_cast<const std::byte*>(plain_values.data());
    run.value_stride = kValueWidth * sizeof(float);
    kPortableForm.attend(run);
    return out;
  }

  std::vector<float> q;
  std::vector<std::byte> keys;
  std::vector<std::byte> values;
};

TEST(PackedAttend, EveryFormGivesWhatUnpackedColumnsGive) {
  const Columns given;
  const float sink = 0.3F;
  const std::vector<AttendQuery> queries = {{0, 150, nullptr}, {0, 149, &sink}, {0, 70, nullptr},
                                            {0, 128, nullptr}, {0, 3, &sink},   {2, 150, nullptr}};
  for (const bool shared : {false, true}) {
    const std::vector<float> expected = given.Expected(queries, shared);
    for (const Form* form : SupportedForms()) {
      const std::vector<float> out = given.Attend(*form, queries, shared);
      for (size_t r = 0; r < queries.size(); ++r) {
        for (size_t n = 0; n < Columns::kValueWidth; ++n) {
          const size_t i = r * Columns::kValueRoom + n;
          EXPECT_NEAR(out[i], expected[i], 4e-6) << form->name << " " << r << " " << n;
        }
        // And the same in other company.
        std::vector<AttendQuery> alone(queries.size(), {7, 7, nullptr});
        alone[r] = queries[r];
        const std::vector<float> one = given.Attend(*form, alone, shared);
        EXPECT_TRUE(std::equal(
            out.begin() + static_cast<ptrdiff_t>(r * Columns::kValueRoom),
            out.begin() + static_cast<ptrdiff_t>(r * Columns::kValueRoom) + Columns::kValueWidth,
            one.begin() + static_cast<ptrdiff_t>(r * Columns::kValueRoom)))
            << form->name << " " << r;
      }
    }
  }
}

TEST(PackedAttend, ANanReachesTheQueriesThatSeeItAlone) {
  Columns given;
  std::vector<float> bad = Numbers(Columns::kValueWidth, 3);
  std::fill_n(bad.begin(), 64, std::numeric_limits<float>::quiet_NaN());
  given.Set(5, Numbers(Columns::kKeyWidth, 4), bad);
  const std::vector<AttendQuery> queries = {{0, 5, nullptr}, {0, 6, nullptr}, {6, 150, nullptr}};
  for (const Form* form : SupportedForms()) {
    const std::vector<float> out = given.Attend(*form, queries, false);
    for (size_t r = 0; r < queries.size(); ++r) {
      EXPECT_EQ(std::isnan(out[r * Columns::kValueRoom]), r == 1) << form->name << " " << r;
      // The last eight numbers of that value are another group, and well.
      EXPECT_FALSE(std::isnan(out[r * Columns::kValueRoom + 70])) << form->name << " " << r;
    }
  }
}

}  // namespace
}  // namespace ingot::kernels
