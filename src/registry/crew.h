// Does one thing to each of many items on threads of its own, each with a connection of its own.
// For work that waits for the network; what computes belongs on the shared pool.
#ifndef INGOT_REGISTRY_CREW_H_
#define INGOT_REGISTRY_CREW_H_

#include <atomic>
#include <cstddef>

#include "core/status.h"
#include "core/thread_pool.h"
#include "registry/http.h"

namespace ingot::registry {

// Calls work(i, http) for every i below count, in order as far as several at a time have one, at
// most `threads` at once. The first error ends it: it is returned once all threads have stopped,
// which `stop`, that rises then, asks them to.
core::Status ForEachWithHttp(size_t count, int threads, const HttpOptions& options,
                             std::atomic<bool>& stop,
                             core::FunctionRef<core::Status(size_t, HttpClient&)> work);

}  // namespace ingot::registry

#endif  // INGOT_REGISTRY_CREW_H_
