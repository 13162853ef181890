#include "import/commit_crew.h"

#include <system_error>
#include <utility>

namespace ingot::import {
namespace {

// Blobs that may wait for a thread of the crew, at most.
constexpr size_t kMostWaiting = 64;

}  // namespace

CommitCrew::CommitCrew(int threads) {
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {  // as many as there are
  }
}

CommitCrew::~CommitCrew() { Finish(); }

void CommitCrew::Commit(std::unique_ptr<store::BlobWriter> blob, Told told) {
  Job job{std::move(blob), std::move(told)};
  {
    const std::lock_guard<std::mutex> hold(lock_);
    if (!threads_.empty() && waiting_.size() < kMostWaiting) {
      waiting_.push_back(std::move(job));
      changed_.notify_one();
      return;
    }
  }
  Do(std::move(job));
}

void CommitCrew::Finish() {
  {
    const std::lock_guard<std::mutex> hold(lock_);
    closed_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void CommitCrew::Work() {
  while (true) {
    std::unique_lock<std::mutex> hold(lock_);
    changed_.wait(hold, [this] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    hold.unlock();
    Do(std::move(job));
  }
}

void CommitCrew::Do(Job job) {
  core::Result<store::BlobInfo> info = job.blob->Commit();
  job.blob.reset();  // with its temporary file, where that was not taken
  job.told(std::move(info));
}

}  // namespace ingot::import
