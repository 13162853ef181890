#include "tests/ops/gpu/emulator.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "tests/ops/gpu/whole_source.h"

namespace ingot::testing {
namespace {

namespace mx = ops::mx;
using ops::Array;

constexpr size_t kStackBytes = size_t{64} << 10;
constexpr int kLanes = 32;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "kernel emulator: %s\n", why.c_str());
  std::abort();
}

struct Warp {
  std::array<std::array<uint32_t, kLanes>, 2> words = {};
  int arrived = 0;
  int alive = 0;
  unsigned round = 0;
};

struct Thread {
  Place place;
  int lane = 0;
  Warp* warp = nullptr;
  bool done = false;
  bool started = false;
  jmp_buf at = {};
  ucontext_t context = {};
  std::unique_ptr<char[]> stack;
};

// One group of threads that run by turns. Contexts are made once a launch; jumping between them
// costs no system call.
class Group {
 public:
  Group(int width, int height) : warps_(static_cast<size_t>(height)) {
    if (width != kLanes && height != 1) Fail("a group of several rows has warps for rows");
    if (width % kLanes != 0) Fail("a group has whole warps");
    warps_.resize(static_cast<size_t>(width * height / kLanes));
    for (int n = 0; n < width * height; ++n) {
      auto thread = std::make_unique<Thread>();
      thread->place = {n % width, n / width, 0};
      thread->lane = n % kLanes;
      thread->warp = &warps_[static_cast<size_t>(n / kLanes)];
      thread->stack = std::make_unique<char[]>(kStackBytes);
      threads_.push_back(std::move(thread));
    }
  }

  void Run(const Place& place, EmulatedKernel kernel, const EmulatedCall& call) {
    place_ = place;
    kernel_ = kernel;
    call_ = &call;
    for (Warp& warp : warps_) warp = {.words = {}, .arrived = 0, .alive = kLanes, .round = 0};
    alive_ = static_cast<int>(threads_.size());
    arrived_ = 0;
    idle_ = 0;
    for (const auto& thread : threads_) thread->done = thread->started = false;
    current_ = threads_.size() - 1;
    if (_setjmp(home_) == 0) Next();
  }

  const Place& place() const { return place_; }
  Thread& current() { return *threads_[current_]; }

  void WaitForGroup() {
    idle_ = 0;
    const unsigned round = round_;
    if (++arrived_ == alive_) {
      OpenBarrier();
      return;
    }
    while (round_ == round) Yield();
  }

  uint32_t Exchange(uint32_t word, int lane) {
    idle_ = 0;
    Warp& warp = *current().warp;
    const unsigned round = warp.round;
    // Two sets of words by turns: who is ahead writes into the other one, and can be ahead by no
    // more than one.
    auto& words = warp.words[round & 1];
    words[static_cast<size_t>(current().lane)] = word;
    if (++warp.arrived == warp.alive) {
      warp.arrived = 0;
      ++warp.round;
    } else {
      while (warp.round == round) Yield();
    }
    return words[static_cast<size_t>(lane)];
  }

 private:
  static void Enter();
  static void Prepare(Thread& thread);

  void OpenBarrier() {
    arrived_ = 0;
    ++round_;
  }

  void Yield() {
    if (++idle_ > 2 * static_cast<int>(threads_.size())) {
      Fail("threads wait for each other: a barrier or an exchange that not all of them come to");
    }
    if (_setjmp(current().at) == 0) Next();
  }

  // The next thread that is not done, or home.
  [[noreturn]] void Next() {
    for (size_t n = 0; n < threads_.size(); ++n) {
      current_ = (current_ + 1) % threads_.size();
      Thread& thread = current();
      if (thread.done) continue;
      if (thread.started) _longjmp(thread.at, 1);
      thread.started = true;
      Prepare(thread);
      setcontext(&thread.context);
    }
    _longjmp(home_, 1);
  }

  void Finish() {
    idle_ = 0;
    Thread& thread = current();
    thread.done = true;
    --alive_;
    --thread.warp->alive;
    if (thread.warp->alive > 0 && thread.warp->arrived == thread.warp->alive) {
      Fail("a thread left while its warp exchanges");
    }
    if (alive_ > 0 && arrived_ == alive_) OpenBarrier();
    Next();
  }

  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Thread>> threads_;
  Place place_;
  EmulatedKernel kernel_ = nullptr;
  const EmulatedCall* call_ = nullptr;
  size_t current_ = 0;
  int alive_ = 0;
  int arrived_ = 0;
  unsigned round_ = 0;
  int idle_ = 0;
  jmp_buf home_ = {};
};

Group* running = nullptr;

void Group::Enter() {
  running->kernel_(*running->call_);
  running->Finish();
}

// Apart, because getcontext counts among the functions that return twice.
[[gnu::noinline]] void Group::Prepare(Thread& thread) {
  getcontext(&thread.context);
  thread.context.uc_stack.ss_sp = thread.stack.get();
  thread.context.uc_stack.ss_size = kStackBytes;
  thread.context.uc_link = nullptr;
  makecontext(&thread.context, &Group::Enter, 0);
}

EmulatedKernel Find(const std::string& name) {
  for (const NamedKernel& entry : kEmulatedKernels) {
    if (name == entry.name) return entry.kernel;
  }
  Fail("no kernel " + name + " was built; tests/ops/gpu/cases.cc lists what is");
}

EmulatedInput InputOf(const Array& array) {
  EmulatedInput input{.data = array.data<uint8_t>(), .shape = {}, .strides = {}};
  std::copy(array.shape().begin(), array.shape().end(), input.shape.begin());
  std::copy(array.strides().begin(), array.strides().end(), input.strides.begin());
  return input;
}

}  // namespace

const Place& ThreadPlace() { return running->current().place; }
const Place& GroupPlace() { return running->place(); }
void WaitForGroup() { running->WaitForGroup(); }
uint32_t Exchange(uint32_t word, int lane) { return running->Exchange(word, lane); }
int OwnLane() { return running->current().lane; }

std::vector<Array> LaunchEmulated(const ops::gpu::KernelCall& call) {
  const EmulatedKernel kernel = Find(FullName(call));
  std::vector<Array> inputs;
  for (const Array& input : call.inputs) {
    inputs.push_back(call.text->strided ? input : mx::contiguous(input));
  }
  mx::eval(inputs);
  EmulatedCall emulated;
  for (const Array& input : inputs) emulated.inputs.push_back(InputOf(input));
  std::vector<Array> outputs;
  for (size_t i = 0; i < call.shapes.size(); ++i) {
    size_t bytes = mx::size_of(call.types[i]);
    for (const int dim : call.shapes[i]) bytes *= static_cast<size_t>(dim);
    mx::allocator::Data data = mx::allocator::malloc(bytes);
    // What a kernel leaves out shows: in every type these bytes are not a number, or a huge one.
    std::memset(data.buffer().raw_ptr(), 0xff, bytes);
    emulated.outputs.push_back(data.buffer().raw_ptr());
    outputs.emplace_back(std::move(data), call.shapes[i], call.types[i]);
  }
  Group group(call.threads[0], call.threads[1]);
  running = &group;
  for (int z = 0; z < call.groups[2]; ++z) {
    for (int y = 0; y < call.groups[1]; ++y) {
      for (int x = 0; x < call.groups[0]; ++x) group.Run({x, y, z}, kernel, emulated);
    }
  }
  running = nullptr;
  return outputs;
}

}  // namespace ingot::testing
