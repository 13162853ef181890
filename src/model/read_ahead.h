// Weights are mapped, not read: whoever computes first waits for the disk a few pages at a time.
// This asks for a model's files beside the first computation, in large pieces and in the order in
// which layers want them: what every token needs first, then the experts.
//
// A thread of its own, which ends with the last piece or with the object.
#ifndef INGOT_MODEL_READ_AHEAD_H_
#define INGOT_MODEL_READ_AHEAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "core/env.h"
#include "model/stored_tensors.h"

namespace ingot::model {

// Indices into `names`, in the order that their bytes are first wanted in.
std::vector<size_t> ReadingOrder(const std::vector<std::string_view>& names);

class ReadAhead {
 public:
  // Begins to read, unless there is less memory than tensors: `available` bytes. What cannot be
  // mapped is left to whoever comes to use it.
  ReadAhead(const StoredTensors& tensors, uint64_t available);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Waits until all has been asked for, and says how many bytes that was.
  uint64_t Wait();

 private:
  struct Part {
    std::shared_ptr<const core::MappedFile> file;
    uint64_t offset;
    uint64_t size;
  };
  void Run();

  std::vector<Part> parts_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> read_{0};
  std::thread thread_;
};

}  // namespace ingot::model

#endif  // INGOT_MODEL_READ_AHEAD_H_
