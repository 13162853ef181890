// What quantizing a tensor lost: sums over its values, and the figures that people read.
//
// Sums are taken a row at a time and added in the order of rows, so that they do not depend on
// threads, instruction sets or the way rows are cut into calls. One object, one thread at a time.
#ifndef INGOT_QUANT_ERROR_H_
#define INGOT_QUANT_ERROR_H_

#include <cstdint>

namespace ingot::quant {

struct QuantError {
  uint64_t values = 0;
  double max_error = 0;  // largest |decoded - source|
  // Sums over the values. A value that is NaN or infinite, before or after, adds nothing: such rows
  // are told of by EncodeSummary, and these figures are of the rest.
  double squared_error = 0;
  double squared_source = 0;
  double squared_decoded = 0;
  double product = 0;  // of source and decoded
  uint64_t groups = 0;
  uint64_t zeroed_groups = 0;  // had values, decode to zeros

  double MeanSquaredError() const;
  double RmsError() const;
  double Cosine() const;       // of the angle between source and decoded; 1 for zeros kept as zeros
  double SnrDb() const;        // signal to noise; infinity when nothing was lost
  double ZeroedShare() const;  // of the groups

  void Add(const QuantError& following);
};

}  // namespace ingot::quant

#endif  // INGOT_QUANT_ERROR_H_
