// Executes a plan: writes its blobs into a store, all processors at work, each blob by one of them
// from its sources to its last byte; others wait for the disk and give it its name. Nothing is
// decided here.
#ifndef INGOT_IMPORT_WRITE_BLOBS_H_
#define INGOT_IMPORT_WRITE_BLOBS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "core/status.h"
#include "core/thread_pool.h"
#include "import/plan.h"
#include "import/weight_stream.h"
#include "store/manifest.h"
#include "store/session.h"

namespace ingot::import {

struct WriteOptions {
  bool strict = false;   // a weight that no model can work with is an error
  bool measure = false;  // what quantizing lost, of every weight; nothing is taken as done then
  core::ThreadPool* pool = nullptr;  // nullptr: the shared one
  core::ProgressSink* progress = nullptr;
  std::string step = "importing";
  std::function<bool()> cancelled = {};  // asked often, by any thread
};

// A weight that something is to be said of.
struct WeightReport {
  const PlannedWeight* weight = nullptr;
  WeightFindings findings;

  bool IsSuspect() const { return findings.nonfinite > 0 || findings.zeroed_rows > 0; }
};

struct WrittenBlobs {
  std::vector<store::Layer> layers;   // as the plan lists them
  std::vector<WeightReport> reports;  // of weights that are suspect or were measured, in order
  uint64_t resumed = 0;               // blobs that an earlier import had finished
  uint64_t reused = 0;                // blobs that turned out to lie in the store already
  uint64_t written_bytes = 0;
};

// The plan and the session outlive the call; so does what the options point to. Before the first
// byte is written the disk is asked whether everything will fit.
core::Result<WrittenBlobs> WriteBlobs(const Plan& plan, store::WriteSession& session,
                                      const WriteOptions& options);

// "the weight … holds NaN or infinity in 3 rows, the first of them row 7": for people.
std::vector<std::string> Complaints(const WeightReport& report);

}  // namespace ingot::import

#endif  // INGOT_IMPORT_WRITE_BLOBS_H_
