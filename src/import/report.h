// What quantizing lost, tensor by tensor: a table for people, JSON for scripts, and a remark on
// each tensor that lost more than the others of its type. Pure.
#ifndef INGOT_IMPORT_REPORT_H_
#define INGOT_IMPORT_REPORT_H_

#include <string>
#include <vector>

#include "core/json.h"
#include "import/write_blobs.h"

namespace ingot::import {

// Of the reports that hold an error; the worst first.
std::string ErrorTable(const std::vector<WeightReport>& reports);
core::Json ErrorJson(const std::vector<WeightReport>& reports);

// A tensor whose error, measured against its own size, is far above the median of its type, or that
// hardly resembles its source.
std::vector<std::string> UnusualErrors(const std::vector<WeightReport>& reports);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_REPORT_H_
