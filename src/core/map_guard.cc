#include "core/map_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>

namespace ingot::core {
namespace {

struct Registry {
  std::mutex lock;
  std::atomic<GuardedRange*> all{nullptr};
  GuardedRange* free = nullptr;
  std::atomic<size_t> live{0};
  struct sigaction previous = {};
  uintptr_t page = 4096;
};

// Leaked on purpose: a handler may run while static objects are being destroyed.
Registry& TheRegistry() {
  static Registry& registry = *std::make_unique<Registry>().release();
  return registry;
}

std::atomic<Registry*> handler_registry{nullptr};  // set before the handler is installed

void PassOn(int signal, siginfo_t* info, void* context) {
  const struct sigaction& previous = handler_registry.load()->previous;
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // Returning repeats the access, this time with the default action: the process ends as if we
    // had never been here.
    struct sigaction fallback = {};
    fallback.sa_handler = SIG_DFL;
    sigaction(signal, &fallback, nullptr);
  }
}

// Async-signal-safe: atomics and mmap only.
void OnBusError(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  Registry* registry = handler_registry.load();
  for (GuardedRange* range = registry->all.load(std::memory_order_acquire); range != nullptr;
       range = range->next) {
    const uintptr_t begin = range->begin.load(std::memory_order_acquire);
    const uintptr_t end = range->end.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= end) continue;
    // All the way to the end: what follows a missing page is missing too, as a rule, and one fault
    // a file is enough.
    const uintptr_t from = address & ~(registry->page - 1);
    void* zeros = mmap(reinterpret_cast<void*>(from), end - from, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) break;
    range->damaged.store(true, std::memory_order_release);
    return;
  }
  PassOn(signal, info, context);
}

void InstallHandler(Registry& registry) {
  registry.page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  handler_registry.store(&registry);
  struct sigaction action = {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &registry.previous);
}

size_t ReadMapLimit() {
  constexpr size_t kKernelDefault = 65530;
  size_t limit = kKernelDefault;
  if (const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
          std::fopen("/proc/sys/vm/max_map_count", "re"), &std::fclose);
      file != nullptr) {
    char text[32] = {};
    const size_t size = std::fread(text, 1, sizeof text - 1, file.get());
    std::from_chars(text, text + size, limit);
  }
  const size_t reserve = limit / 16 + 1024;  // libraries, stacks, the allocator's own
  return limit > reserve ? limit - reserve : 0;
}

}  // namespace

GuardedRange* GuardMapping(const void* begin, size_t size) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::mutex> hold(registry.lock);
  if (handler_registry.load() == nullptr) InstallHandler(registry);
  GuardedRange* range = registry.free;
  if (range != nullptr) {
    registry.free = range->next_free;
  } else {
    range = std::make_unique<GuardedRange>().release();  // stays in the list for good
    range->next = registry.all.load();
    registry.all.store(range, std::memory_order_release);
  }
  range->damaged.store(false);
  const auto address = reinterpret_cast<uintptr_t>(begin);
  const uintptr_t mask = registry.page - 1;
  range->end.store((address + size + mask) & ~mask, std::memory_order_release);
  range->begin.store(address, std::memory_order_release);
  registry.live.fetch_add(1);
  return range;
}

void UnguardMapping(GuardedRange* range) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::mutex> hold(registry.lock);
  range->begin.store(0);
  range->end.store(0);
  range->next_free = registry.free;
  registry.free = range;
  registry.live.fetch_sub(1);
}

size_t GuardedMappings() { return TheRegistry().live.load(); }

size_t MappingLimit() {
  static const size_t limit = ReadMapLimit();
  return limit;
}

}  // namespace ingot::core
