// The rows that a causal convolution looks back on: what preceded a call, then its own.
//
// To be used while an operation runs.
#ifndef INGOT_OPS_CPU_CONV_WINDOW_H_
#define INGOT_OPS_CPU_CONV_WINDOW_H_

#include <cstddef>
#include <cstring>

#include "ops/cpu/rows.h"

namespace ingot::ops::cpu {

class ConvWindow {
 public:
  // u [B, T, C], tail [B, K-1, C] of one type.
  ConvWindow(const Strided& u, const Strided& tail)
      : news_(u),
        olds_(tail),
        batch_(u.shape[0]),
        steps_(u.shape[1]),
        before_(tail.shape[1]),
        row_bytes_(u.shape[2] * u.item) {}

  // The oldest of the rows that step t looks at is row t, the newest row t + K - 1.
  const std::byte* Row(size_t batch, size_t i) const {
    return i < before_ ? olds_[batch * before_ + i] : news_[batch * steps_ + i - before_];
  }
  // The tail of the next call.
  void CopyTail(std::byte* to) const {
    for (size_t b = 0; b < batch_; ++b) {
      for (size_t i = 0; i < before_; ++i, to += row_bytes_) {
        std::memcpy(to, Row(b, steps_ + i), row_bytes_);
      }
    }
  }

 private:
  RowsOf news_;
  RowsOf olds_;
  size_t batch_;
  size_t steps_;
  size_t before_;
  size_t row_bytes_;
};

}  // namespace ingot::ops::cpu

#endif  // INGOT_OPS_CPU_CONV_WINDOW_H_
