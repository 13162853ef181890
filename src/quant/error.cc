#include "quant/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ingot::quant {

double QuantError::MeanSquaredError() const {
  return values == 0 ? 0 : squared_error / static_cast<double>(values);
}

double QuantError::RmsError() const { return std::sqrt(MeanSquaredError()); }

double QuantError::Cosine() const {
  const double lengths = std::sqrt(squared_source) * std::sqrt(squared_decoded);
  if (lengths == 0) return squared_source == squared_decoded ? 1 : 0;
  return product / lengths;
}

double QuantError::SnrDb() const {
  if (squared_error == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(squared_source / squared_error);
}

double QuantError::ZeroedShare() const {
  return groups == 0 ? 0 : static_cast<double>(zeroed_groups) / static_cast<double>(groups);
}

void QuantError::Add(const QuantError& following) {
  values += following.values;
  max_error = std::max(max_error, following.max_error);
  squared_error += following.squared_error;
  squared_source += following.squared_source;
  squared_decoded += following.squared_decoded;
  product += following.product;
  groups += following.groups;
  zeroed_groups += following.zeroed_groups;
}

}  // namespace ingot::quant
