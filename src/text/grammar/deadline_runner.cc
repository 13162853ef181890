#include "text/grammar/deadline_runner.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/strings.h"

namespace ingot::text {
namespace {

// Address space; only what is used becomes memory.
constexpr size_t kStackBytes = size_t{256} << 20;

}  // namespace

struct DeadlineRunner::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  bool busy = false;
};

namespace {

// What a thread is started with. It owns a share of everything that it touches.
struct Errand {
  std::function<void()> work;
  std::function<void()> finish;
};

void* Perform(void* argument) {
  const std::unique_ptr<Errand> errand(static_cast<Errand*>(argument));
  errand->work();
  errand->work = nullptr;
  errand->finish();
  return nullptr;
}

bool Start(std::unique_ptr<Errand> errand) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_t thread{};
  const bool started = pthread_attr_setstacksize(&attributes, kStackBytes) == 0 &&
                       pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                       pthread_create(&thread, &attributes, &Perform, errand.get()) == 0;
  pthread_attr_destroy(&attributes);
  if (started) static_cast<void>(errand.release());  // Perform owns it now
  return started;
}

}  // namespace

DeadlineRunner::DeadlineRunner() : shared_(std::make_shared<Shared>()) {}

DeadlineRunner::~DeadlineRunner() {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] { return !shared_->busy; });
}

core::Status DeadlineRunner::Run(std::chrono::milliseconds limit, std::function<void()> work) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::unique_lock lock(shared_->mutex);
  if (!shared_->changed.wait_until(lock, deadline, [&] { return !shared_->busy; })) {
    return core::Exhausted(
        core::StrCat("another grammar was still being compiled after ", limit.count(), " ms"));
  }
  shared_->busy = true;
  const auto done = std::make_shared<bool>(false);  // guarded by the mutex
  auto errand = std::make_unique<Errand>();
  errand->work = std::move(work);
  errand->finish = [shared = shared_, done] {
    const std::lock_guard guard(shared->mutex);
    shared->busy = false;
    *done = true;
    shared->changed.notify_all();
  };
  if (!Start(std::move(errand))) {
    shared_->busy = false;
    shared_->changed.notify_all();
    return core::Exhausted("no thread could be started");
  }
  if (!shared_->changed.wait_until(lock, deadline, [&] { return *done; })) {
    return core::Exhausted(core::StrCat("it took longer than ", limit.count(), " ms"));
  }
  return core::Status::Ok();
}

}  // namespace ingot::text
