#include "model/batch.h"

namespace ingot::model {

std::vector<Array> Batch::Split(const Array& rows) const {
  ops::mx::Shape ends;
  int end = 0;
  for (const BatchPart& part : parts_) {
    end += part.rows;
    if (part.index + 1 < parts_.size()) ends.push_back(end);
  }
  return ops::mx::split(rows, ends, 1);
}

}  // namespace ingot::model
