// The one pool of compute threads. Work is an index range cut into chunks of a fixed size that does
// not depend on the number of threads, so results that are computed a chunk at a time are the same
// for any number of threads.
//
// Each thread first takes its own contiguous share of the chunks, in order: a loop repeated over
// the same range meets the same data on the same thread, hence in the same cache and memory node.
// A thread whose share is used up takes chunks from the far end of the others' shares, so a busy
// processor delays the chunk that it is in and nothing else. Threads that have nothing to do spin
// for some microseconds and then park; where they outnumber the processors they park at once. A
// thread whose processor others want too lets them have it between two loops, so that it is not
// stopped in the midst of a chunk.
//
// Any thread may call, and no call waits for another caller's work to end: while the pool is taken,
// the second caller runs its chunks itself and looks again after each. Hence a caller may hold a
// lock that another caller's body wants. A ParallelFor inside the body of another one runs on the
// thread that called it, in order.
#ifndef INGOT_CORE_THREAD_POOL_H_
#define INGOT_CORE_THREAD_POOL_H_

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace ingot::core {

// A non-owning reference to a callable object, valid while that object lives. Costs no allocation.
template <typename Signature>
class FunctionRef;
template <typename R, typename... Args>
class FunctionRef<R(Args...)> {
 public:
  template <typename F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
             std::is_object_v<std::remove_reference_t<F>> && std::is_invocable_r_v<R, F&, Args...>)
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

// Bytes that a thread may bring into its cache while it has nothing to do. They are never read, so
// that they need not be there any more.
struct Ahead {
  const std::byte* data = nullptr;
  size_t bytes = 0;
};

class ThreadPool {
 public:
  // threads counts the caller: 1, or less, means that everything runs on the calling thread. Where
  // the system refuses to start that many the pool makes do with fewer.
  explicit ThreadPool(int threads);
  // No ParallelFor may be running.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The process's pool, made at the first call with DefaultThreads() threads, or with what
  // SetSharedThreads said before that. It lives until the process ends.
  static ThreadPool& Shared();
  // From --threads or INGOT_THREADS; less than 1 means DefaultThreads(). May be called again while
  // nobody uses the pool: it is remade, and references to the old one end.
  static void SetSharedThreads(int threads);
  // The processors this process may use: its affinity mask, cut to its control group's quota.
  static int DefaultThreads();

  int threads() const;

  // Calls body(begin, end) for consecutive chunks of [0, count), each of `chunk` indices (the last
  // may be shorter, and 0 counts as 1), each exactly once, and returns when all are done; what the
  // bodies wrote is visible then. Allocates nothing. An exception out of body ends the process.
  // A range of one chunk is a plain call of body, which may itself use the pool.
  void ParallelFor(size_t count, size_t chunk, FunctionRef<void(size_t begin, size_t end)> body);

  // Called before a loop, of the loop that is likely to follow it: asks `begins` for each share
  // what the thread of that share will read first there. Threads fetch it while they wait for the
  // others to end the one loop, or for somebody to begin the other. `ahead` has room for kMostAhead
  // pieces; the answer is how many there are.
  static constexpr size_t kMostAhead = 6;
  void Expect(size_t shares, FunctionRef<size_t(size_t share, Ahead* ahead)> begins);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingot::core

#endif  // INGOT_CORE_THREAD_POOL_H_
