// Rows of a table on the CPU kernels against their plain form.
#include "ops/cpu/table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mlx/ops.h>
#include <mlx/random.h>
#include <mlx/transforms.h>

#include "ops/cpu/choice.h"
#include "tests/ops/cpu/beside_plain.h"

namespace ingot::ops {
namespace {

Array Random(const mx::Shape& shape, mx::Dtype type) {
  return mx::astype(mx::random::normal(shape, mx::float32, 0, 1, mx::random::key(1)), type);
}

TEST(CpuTableTest, RowsOfEveryKindOfTableAreThoseOfThePlainForm) {
  const Array weight = Random({50, 640}, mx::bfloat16);
  std::vector<Linear> tables = {{weight, {}},
                                {ToFloat32(weight), {}},
                                {mx::astype(weight, mx::float16), {}},
                                Quantized(weight, quant::Mode::kAffine, 4, 64),
                                Quantized(weight, quant::Mode::kAffine, 8, 32),
                                Quantized(weight, quant::Mode::kAffine, 3, 128),
                                Quantized(weight, quant::Mode::kAffine, 6, 64),
                                Quantized(weight, quant::Mode::kNvfp4, 4, 16),
                                Quantized(weight, quant::Mode::kMxfp4, 4, 32),
                                Quantized(weight, quant::Mode::kMxfp8, 8, 32)};
  tables.push_back(tables[7]);
  std::get<QuantizedTensor>(tables.back().weight).global_scale = Array({0.01F});
  const std::vector<int> ids = {0, 49, 7, 7, 31, 2};
  const Array wanted(ids.data(), {2, 3}, mx::int32);
  for (const mx::Dtype type : {mx::float32, mx::bfloat16, mx::float16}) {
    for (size_t i = 0; i < tables.size(); ++i) {
      ASSERT_TRUE(cpu::ServesRows(tables[i], wanted, type));
      const Array rows = Rows(tables[i], wanted, type);
      EXPECT_EQ(rows.dtype(), type);
      ASSERT_EQ(rows.shape(), (mx::Shape{2, 3, 640}));
      const cpu::PlainForms plain;
      const Array same = Rows(tables[i], wanted, type);
      // One rounding of a sum may fall either way.
      const float step = type == mx::float32 ? 3e-7F : type == mx::float16 ? 1e-3F : 8e-3F;
      const Array off = mx::abs(ToFloat32(rows) - ToFloat32(same));
      EXPECT_TRUE(mx::all(mx::less_equal(off, Array(step) * mx::maximum(mx::abs(ToFloat32(same)),
                                                                        Array(0.01F))))
                      .item<bool>())
          << i;
    }
  }
}

TEST(CpuTableTest, ManyRowsAndNone) {
  const Linear table{Random({1000, 64}, mx::bfloat16), {}};
  const Array ids = mx::astype(mx::arange(999, -1, -1, mx::int32), mx::int32);
  const Array rows = Rows(table, ids, mx::bfloat16);
  EXPECT_TRUE(mx::array_equal(rows, mx::take(std::get<Array>(table.weight), ids, 0)).item<bool>());
  const Array none = Rows(table, mx::zeros({1, 0}, mx::int32), mx::bfloat16);
  EXPECT_EQ(none.shape(), (mx::Shape{1, 0, 64}));
  EXPECT_NO_THROW(mx::eval(none));
}

TEST(CpuTableTest, ARowThatIsNotThereIsNotANumber) {
  const Linear table{Random({4, 32}, mx::bfloat16), {}};
  const std::vector<int> ids = {3, 4, -1};
  const Array rows = ToFloat32(Rows(table, Array(ids.data(), {3}, mx::int32), mx::bfloat16));
  const Array bad = mx::all(mx::isnan(rows), 1);
  mx::eval(bad);
  EXPECT_FALSE(bad.data<bool>()[0]);
  EXPECT_TRUE(bad.data<bool>()[1]);
  EXPECT_TRUE(bad.data<bool>()[2]);
}

}  // namespace
}  // namespace ingot::ops
