// The one pool of compute threads. Work is an index range cut into chunks of a fixed size that does
// not depend on the number of threads: whoever is free takes the next chunk, so a busy processor
// slows its own chunk and nobody else's, and results that are computed a chunk at a time are the
// same for any number of threads.
//
// Waiting threads spin briefly and then park. A ParallelFor inside a ParallelFor runs on the thread
// that called it, in order. Any thread may call; calls from different threads take turns.
#ifndef INGOT_CORE_THREAD_POOL_H_
#define INGOT_CORE_THREAD_POOL_H_

#include <cstddef>
#include <functional>
#include <memory>

namespace ingot::core {

// A non-owning reference to a callable, valid while that callable lives. Costs no allocation.
template <typename Signature>
class FunctionRef;
template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
 public:
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
  FunctionRef(F&& f)  // NOLINT: implicit on purpose
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

class ThreadPool {
 public:
  // threads counts the caller: 1 means that everything runs on the calling thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The process's pool, made at the first call with DefaultThreads() threads, or with what
  // SetSharedThreads said before that.
  static ThreadPool& Shared();
  // From --threads or INGOT_THREADS. May be called again while no work runs: the pool is remade.
  static void SetSharedThreads(int threads);
  // The processors this process may use: its affinity mask, cut to its cgroup's quota.
  static int DefaultThreads();

  int threads() const;

  // Calls body(begin, end) for consecutive chunks of [0, count), each of `chunk` indices (the last
  // may be shorter), each exactly once, and returns when all are done. body must not throw.
  void ParallelFor(size_t count, size_t chunk, FunctionRef<void(size_t begin, size_t end)> body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::core

#endif  // INGOT_CORE_THREAD_POOL_H_
