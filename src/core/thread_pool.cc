#include "core/thread_pool.h"

#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/resource.h>
#endif

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "core/processors.h"

namespace ingot::core {
namespace {

constexpr int kMaxThreads = 1024;
// A range with more chunks than this is worked off in blocks, so that chunk numbers fit 32 bits and
// a huge range comes up for breath now and then. One meeting of all threads a block is nothing.
constexpr size_t kBlockChunks = size_t{1} << 20;
// The gap between two parallel loops of one model step is a few µs; between steps, tens of µs.
constexpr int64_t kSpinNs = 50'000;
// How often a thread looks whether others want its processor, well below the 4 ms that a system may
// let pass before it takes a processor away.
constexpr int64_t kLookNs = 1'000'000;
// For how long after somebody ran there a processor counts as crowded.
constexpr int64_t kCrowdedNs = 50'000'000;
// Looks at the awaited value between two looks at the clock.
constexpr int kLooksPerTick = 16;
// Two cache lines: adjacent lines are fetched in pairs.
constexpr size_t kCacheLines = 128;

// True on a pool's own threads, and on a caller while it runs a parallel loop.
thread_local bool inside_parallel_for = false;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void CpuRelax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // waits about as long as x86's pause; "yield" does nothing on most cores
#endif
}

// Notices that others want the processor that a thread runs on, and gives way at moments when
// nobody waits for the thread. Otherwise the system would stop it in the midst of a chunk, and
// everybody would wait for that chunk until its turn comes again. One for each thread of a pool.
class Neighbours {
 public:
  // To be called where the thread holds no chunk.
  void GiveWay() {
    const int64_t now = NowNs();
    if (now - looked_ns_ < kLookNs) return;
    if (now < crowded_until_ns_) std::this_thread::yield();
    // A yield that somebody made use of counts too: we go on yielding while there is somebody.
    const int64_t losses = Losses();
    looked_ns_ = NowNs();
    if (losses != losses_) crowded_until_ns_ = looked_ns_ + kCrowdedNs;
    losses_ = losses;
  }

 private:
  // How often this thread lost its processor to another one while it had work to do.
  static int64_t Losses() {
#if defined(__linux__)
    rusage usage{};
    if (getrusage(RUSAGE_THREAD, &usage) == 0) return usage.ru_nivcsw;
#endif
    return 0;
  }

  int64_t looked_ns_ = 0;
  int64_t crowded_until_ns_ = 0;
  int64_t losses_ = 0;
};

void NameThisThread(int index) {
  char name[16];  // what Linux allows
  std::snprintf(name, sizeof name, "ingot-pool-%d", index);
#if defined(__APPLE__)
  pthread_setname_np(name);
#else
  pthread_setname_np(pthread_self(), name);
#endif
}

// What asks the process to end is for the threads that may be waiting for something.
void LeaveSignalsToOthers() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// The chunks [begin, end) that nobody has taken yet, in one word so that both ends move safely. The
// owner takes from the front, others from the back. A share only ever shrinks while a loop runs.
class Share {
 public:
  void Set(uint32_t begin, uint32_t end) {
    range_.store(Pack(begin, end), std::memory_order_relaxed);
  }
  bool TakeFront(uint32_t& chunk) {
    uint64_t range = range_.load(std::memory_order_relaxed);
    while (Begin(range) < End(range)) {
      if (Exchange(range, Pack(Begin(range) + 1, End(range)))) {
        chunk = Begin(range);
        return true;
      }
    }
    return false;
  }
  bool TakeBack(uint32_t& chunk) {
    uint64_t range = range_.load(std::memory_order_relaxed);
    while (Begin(range) < End(range)) {
      if (Exchange(range, Pack(Begin(range), End(range) - 1))) {
        chunk = End(range) - 1;
        return true;
      }
    }
    return false;
  }

 private:
  static uint64_t Pack(uint32_t begin, uint32_t end) { return uint64_t{begin} << 32 | end; }
  static uint32_t Begin(uint64_t range) { return static_cast<uint32_t>(range >> 32); }
  static uint32_t End(uint64_t range) { return static_cast<uint32_t>(range); }
  // Relaxed: the loop's data is ordered by the gate and the busy flags, not by the shares.
  bool Exchange(uint64_t& expected, uint64_t desired) {
    return range_.compare_exchange_weak(expected, desired, std::memory_order_relaxed);
  }

  std::atomic<uint64_t> range_{0};
};

// What a thread is to fetch while it waits. Written by callers and read by the thread without
// agreement: half of one and half of another costs a fetch in vain.
class AheadList {
 public:
  void Set(std::span<const Ahead> list) {
    for (size_t i = 0; i < places_.size(); ++i) {
      const Ahead one = i < list.size() ? list[i] : Ahead{};
      places_[i].data.store(one.data, std::memory_order_relaxed);
      places_[i].bytes.store(one.bytes, std::memory_order_relaxed);
    }
  }
  // Until `ready` says that there is something to do. What was fetched is not fetched again.
  template <typename Ready>
  bool Fetch(const Ready& ready) {
    for (Place& place : places_) {
      const size_t bytes = place.bytes.load(std::memory_order_relaxed);
      if (bytes == 0) continue;
      const std::byte* data = place.data.load(std::memory_order_relaxed);
      for (size_t at = 0; at < bytes; at += kCacheLine) {
        if (at % kPiece == 0 && ready()) return true;
        __builtin_prefetch(data + at, 0, 2);
      }
      place.bytes.store(0, std::memory_order_relaxed);
    }
    return false;
  }

 private:
  static constexpr size_t kCacheLine = 64;
  static constexpr size_t kPiece = 16 * kCacheLine;  // between two looks at what is waited for
  struct Place {
    std::atomic<const std::byte*> data{nullptr};
    std::atomic<size_t> bytes{0};
  };
  std::array<Place, ThreadPool::kMostAhead> places_;
};

// What one thread shows the others. Slot 0 is the caller's.
struct alignas(kCacheLines) Slot {
  Share share;
  // The thread is, or is about to be, inside the loop that the gate shows.
  std::atomic<bool> busy{false};
  static constexpr int kAwake = 0;
  static constexpr int kParked = 1;
  std::atomic<int> parking{kAwake};
  AheadList ahead;

  // Both sides of a park first write and then look: the sleeper at what it waits for, the other at
  // `parking`. With sequential consistency one of them sees the other.
  bool Unpark() {
    if (parking.load(std::memory_order_seq_cst) != kParked) return false;
    if (parking.exchange(kAwake, std::memory_order_seq_cst) != kParked) return false;
    parking.notify_one();
    return true;
  }
};

// Which loop may be entered: a number that grows with each loop, whether it is open, and how many
// threads it has room for.
namespace gate {
constexpr uint64_t kOpen = 1 << 16;
constexpr int kNumberShift = 17;
uint64_t Open(uint64_t number, uint32_t seats) { return number << kNumberShift | kOpen | seats; }
uint64_t Number(uint64_t gate) { return gate >> kNumberShift; }
bool IsOpenFor(uint64_t gate, uint32_t thread) {
  return (gate & kOpen) != 0 && thread < (gate & (kOpen - 1));
}
}  // namespace gate

using Body = FunctionRef<void(size_t, size_t)>;

// The loop at work: written by its caller while the gate is shut, read by threads that are busy.
struct Loop {
  const Body* body = nullptr;
  size_t first = 0;  // index where chunk 0 begins
  size_t end = 0;
  size_t chunk = 1;
  uint32_t seats = 0;

  void Run(uint32_t number) const {
    const size_t begin = first + number * chunk;
    (*body)(begin, begin + std::min(chunk, end - begin));
  }
};

// Marks this thread as inside a loop for as long as it lives.
class InsideScope {
 public:
  InsideScope() { inside_parallel_for = true; }
  ~InsideScope() { inside_parallel_for = false; }
  InsideScope(const InsideScope&) = delete;
  InsideScope& operator=(const InsideScope&) = delete;
};

void RunHere(size_t begin, size_t end, size_t chunk, const Body& body) noexcept {
  while (begin < end) {
    const size_t stop = begin + std::min(chunk, end - begin);
    body(begin, stop);
    begin = stop;
  }
}

struct SharedState {
  std::mutex mutex;  // guards wanted and pool
  int wanted = 0;    // below 1: DefaultThreads()
  std::unique_ptr<ThreadPool> pool;
  std::atomic<ThreadPool*> current{nullptr};
};

// Never destroyed: a thread may still be computing while the process runs its exit handlers.
SharedState& SharedPool() {
  static SharedState& state = *new SharedState;
  return state;
}

}  // namespace

struct ThreadPool::Impl {
  explicit Impl(int threads);
  ~Impl();

  void WorkerMain(uint32_t self);
  // Waits for the gate of a loop that is new to this thread; false: the pool ends.
  bool AwaitLoop(uint32_t self, uint64_t& gate, uint64_t served);
  void RunBlock(const Loop& loop, uint32_t chunks) noexcept;
  void TakePart(uint32_t self) noexcept;
  void WakeMore();
  template <typename Ready>
  bool Spin(Ready ready);
  template <typename Ready>
  void Park(Slot& slot, Ready ready);
  bool OthersBusy() const;

  const std::unique_ptr<Slot[]> slots;
  std::vector<std::thread> workers;
  bool may_spin = true;  // never where there are more threads than processors

  alignas(kCacheLines) std::atomic<uint64_t> gate{0};
  std::atomic<bool> stop{false};
  Loop loop;

  alignas(kCacheLines) std::atomic<bool> taken{false};  // by a caller
  std::atomic<int> parked{0};                           // workers parked or about to be
  std::atomic<uint32_t> next_to_wake{0};
};

ThreadPool::Impl::Impl(int threads)
    : slots(std::make_unique<Slot[]>(static_cast<size_t>(std::clamp(threads, 1, kMaxThreads)))) {
  const int wanted = std::clamp(threads, 1, kMaxThreads);
  may_spin = wanted <= DefaultThreads();
  workers.reserve(static_cast<size_t>(wanted - 1));
  try {
    for (int i = 1; i < wanted; ++i) {
      workers.emplace_back([this, i] { WorkerMain(static_cast<uint32_t>(i)); });
    }
  } catch (const std::system_error&) {
    // The system's limit on threads: those that started are the pool.
  }
}

ThreadPool::Impl::~Impl() {
  stop.store(true, std::memory_order_seq_cst);
  for (size_t i = 0; i < workers.size(); ++i) slots[i + 1].Unpark();
  for (std::thread& worker : workers) worker.join();
}

// True once ready() is, false when this thread should rather sleep.
template <typename Ready>
bool ThreadPool::Impl::Spin(Ready ready) {
  if (ready()) return true;
  if (!may_spin) return false;
  const int64_t start = NowNs();
  do {
    for (int look = 0; look < kLooksPerTick; ++look) {
      if (ready()) return true;
      CpuRelax();
    }
  } while (NowNs() - start < kSpinNs);
  return false;
}

// Sleeps until somebody unparks the slot; may return early, so callers look again.
template <typename Ready>
void ThreadPool::Impl::Park(Slot& slot, Ready ready) {
  slot.parking.store(Slot::kParked, std::memory_order_seq_cst);
  if (!ready()) slot.parking.wait(Slot::kParked, std::memory_order_seq_cst);
  slot.parking.store(Slot::kAwake, std::memory_order_seq_cst);
}

bool ThreadPool::Impl::AwaitLoop(uint32_t self, uint64_t& seen, uint64_t served) {
  const auto ready = [&] {
    seen = gate.load(std::memory_order_seq_cst);
    if (gate::IsOpenFor(seen, self) && gate::Number(seen) != served) return true;
    return stop.load(std::memory_order_seq_cst);
  };
  if (slots[self].ahead.Fetch(ready)) return !stop.load(std::memory_order_seq_cst);
  while (!Spin(ready)) {
    parked.fetch_add(1, std::memory_order_seq_cst);
    Park(slots[self], ready);
    parked.fetch_sub(1, std::memory_order_seq_cst);
  }
  return !stop.load(std::memory_order_seq_cst);
}

void ThreadPool::Impl::WorkerMain(uint32_t self) {
  NameThisThread(static_cast<int>(self));
  LeaveSignalsToOthers();
  inside_parallel_for = true;
  Slot& slot = slots[self];
  uint64_t seen = 0;
  uint64_t served = 0;
  Neighbours neighbours;
  while (AwaitLoop(self, seen, served)) {
    served = gate::Number(seen);
    // First say that we are in, then look whether the loop is still open. Its caller shuts the gate
    // first and then looks who is in: either it waits for us, or we stay out.
    slot.busy.store(true, std::memory_order_seq_cst);
    if (gate.load(std::memory_order_seq_cst) == seen) TakePart(self);
    slot.busy.store(false, std::memory_order_seq_cst);
    slots[0].Unpark();
    neighbours.GiveWay();
  }
}

// Wakes two more threads, if so many sleep. Each thread does so before each chunk it runs: the
// number awake doubles with every step, and no thread spends long on waking the others.
void ThreadPool::Impl::WakeMore() {
  if (parked.load(std::memory_order_seq_cst) == 0) return;
  for (int woken = 0; woken < 2;) {
    if (next_to_wake.load(std::memory_order_relaxed) >= loop.seats) return;
    const uint32_t thread = next_to_wake.fetch_add(1, std::memory_order_relaxed);
    if (thread >= loop.seats) return;
    if (slots[thread].Unpark()) ++woken;
  }
}

void ThreadPool::Impl::TakePart(uint32_t self) noexcept {
  uint32_t chunk = 0;
  while (slots[self].share.TakeFront(chunk)) {
    WakeMore();
    loop.Run(chunk);
  }
  // Shares do not grow, so one round over the others finds all that is left.
  for (uint32_t step = 1; step < loop.seats; ++step) {
    Share& other = slots[(self + step) % loop.seats].share;
    while (other.TakeBack(chunk)) {
      WakeMore();
      loop.Run(chunk);
    }
  }
}

bool ThreadPool::Impl::OthersBusy() const {
  for (uint32_t i = 1; i < loop.seats; ++i) {
    if (slots[i].busy.load(std::memory_order_seq_cst)) return true;
  }
  return false;
}

// Called by the one who has taken the pool, with the gate shut and nobody busy for long.
void ThreadPool::Impl::RunBlock(const Loop& next, uint32_t chunks) noexcept {
  loop = next;
  for (uint32_t i = 0; i < loop.seats; ++i) {
    slots[i].share.Set(static_cast<uint32_t>(uint64_t{chunks} * i / loop.seats),
                       static_cast<uint32_t>(uint64_t{chunks} * (i + 1) / loop.seats));
  }
  next_to_wake.store(1, std::memory_order_relaxed);
  const uint64_t number = gate::Number(gate.load(std::memory_order_relaxed)) + 1;
  const uint64_t open = gate::Open(number, loop.seats);
  gate.store(open, std::memory_order_seq_cst);
  TakePart(0);
  // Every chunk is taken now; those who took one are busy until it is done.
  gate.store(open & ~gate::kOpen, std::memory_order_seq_cst);
  const auto done = [&] { return !OthersBusy(); };
  if (slots[0].ahead.Fetch(done)) return;
  while (!Spin(done)) Park(slots[0], done);
}

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>(threads)) {}
ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

int ThreadPool::DefaultThreads() {
  return UsableProcessors(AffinityProcessors(), CgroupProcessors("/"));
}

void ThreadPool::ParallelFor(size_t count, size_t chunk, Body body) {
  chunk = std::max<size_t>(chunk, 1);
  if (count <= chunk || impl_->workers.empty() || inside_parallel_for) {
    return RunHere(0, count, chunk, body);
  }
  const InsideScope inside;
  for (size_t begin = 0; begin < count;) {
    const size_t left = count - begin;
    const size_t chunks = std::min(left / chunk + (left % chunk != 0 ? 1 : 0), kBlockChunks);
    // Looking before writing keeps the line shared among callers that wait.
    if (!impl_->taken.load(std::memory_order_relaxed) &&
        !impl_->taken.exchange(true, std::memory_order_acquire)) {
      const size_t seats = std::min(impl_->workers.size() + 1, chunks);
      impl_->RunBlock(Loop{&body, begin, count, chunk, static_cast<uint32_t>(seats)},
                      static_cast<uint32_t>(chunks));
      impl_->taken.store(false, std::memory_order_release);
      const size_t but_last = (chunks - 1) * chunk;  // the last may be short; all of it may not fit
      begin += but_last + std::min(left - but_last, chunk);
    } else {
      RunHere(begin, begin + std::min(left, chunk), chunk, body);
      begin += std::min(left, chunk);
    }
  }
}

void ThreadPool::Expect(size_t shares, FunctionRef<size_t(size_t share, Ahead* ahead)> begins) {
  shares = std::min(shares, impl_->workers.size() + 1);
  std::array<Ahead, kMostAhead> list;
  for (size_t i = 0; i < shares; ++i) {
    const size_t count = std::min(begins(i, list.data()), kMostAhead);
    impl_->slots[i].ahead.Set(std::span(list).first(count));
  }
}

ThreadPool& ThreadPool::Shared() {
  SharedState& state = SharedPool();
  if (ThreadPool* pool = state.current.load(std::memory_order_acquire)) return *pool;
  const std::lock_guard lock(state.mutex);
  if (!state.pool) {
    state.pool = std::make_unique<ThreadPool>(state.wanted < 1 ? DefaultThreads() : state.wanted);
    state.current.store(state.pool.get(), std::memory_order_release);
  }
  return *state.pool;
}

void ThreadPool::SetSharedThreads(int threads) {
  SharedState& state = SharedPool();
  const std::lock_guard lock(state.mutex);
  state.wanted = threads;
  state.current.store(nullptr, std::memory_order_release);
  state.pool.reset();
}

}  // namespace ingot::core
