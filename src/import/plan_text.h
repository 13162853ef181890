// A plan for people and for scripts. Pure.
#ifndef INGOT_IMPORT_PLAN_TEXT_H_
#define INGOT_IMPORT_PLAN_TEXT_H_

#include <string>

#include "core/json.h"
#include "import/plan.h"

namespace ingot::import {

// A table of what becomes of every weight, equal rows of several layers as one, and totals below.
// Fit for a terminal: text from files has been made printable.
std::string PlanTable(const Plan& plan, int threads);

// The same, one object a weight, with its sources by name:
//   {"architecture", "requested", "file_type", "blobs": [{"layer", "bytes", "metadata", "weights":
//   [{"name", "shape", "type", "rule", "how", "role", "sources", "source_bytes",
//   "stored_bytes"}]}], "dropped", "warnings", "totals": {…}}
core::Json PlanJson(const Plan& plan, int threads);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_PLAN_TEXT_H_
