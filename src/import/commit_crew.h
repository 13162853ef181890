// Makes finished blobs durable while others are still computed: waiting for the disk costs no
// processor, and many who wait at once share its flushes and the file system's commits. Threads of
// its own, which do nothing else; those who compute hand blobs over and go on.
//
// Thread-safe. What is handed over is done in any order.
#ifndef INGOT_IMPORT_COMMIT_CREW_H_
#define INGOT_IMPORT_COMMIT_CREW_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/status.h"
#include "store/blob_writer.h"
#include "store/session.h"

namespace ingot::import {

class CommitCrew {
 public:
  // What comes of a blob is told on the thread that committed it.
  using Told = std::function<void(core::Result<store::BlobInfo>)>;

  // Where the system refuses to start so many threads the crew makes do with fewer, or with none.
  explicit CommitCrew(int threads);
  // Waits as Finish does.
  ~CommitCrew();
  CommitCrew(const CommitCrew&) = delete;
  CommitCrew& operator=(const CommitCrew&) = delete;

  // All bytes of the blob were appended. The caller commits it himself where too many wait already,
  // each of which holds a file open.
  void Commit(std::unique_ptr<store::BlobWriter> blob, Told told);

  // Returns when everything that was handed over is done. Nothing may be handed over afterwards.
  void Finish();

 private:
  struct Job {
    std::unique_ptr<store::BlobWriter> blob;
    Told told;
  };

  void Work();
  static void Do(Job job);

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;  // guarded by lock_, like closed_
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ingot::import

#endif  // INGOT_IMPORT_COMMIT_CREW_H_
