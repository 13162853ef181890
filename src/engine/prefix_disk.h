// What prompts have left behind, on disk: one file a stretch of tokens, in a folder that only its
// user may look into, apart for each model. A file says what it is of and carries its own digest,
// which is checked whenever it is read; what does not hold is removed.
//
// One thread. Other processes may use the same folder: a file that they remove is gone, and that
// is all.
#ifndef INGOT_ENGINE_PREFIX_DISK_H_
#define INGOT_ENGINE_PREFIX_DISK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/status.h"
#include "model/state_bytes.h"

namespace ingot::engine {

// Where a stretch lies.
struct PrefixFile {
  std::string name;
  uint64_t bytes = 0;
};

// A stretch and the way to it.
struct PrefixRecord {
  std::string owner;
  std::vector<int> path;  // every token up to its end
  int begin = 0;          // where in that it begins
  std::vector<int> marked;
  model::StateColumns columns;
  std::vector<model::StateMark> marks;
  PrefixFile file;
};

struct PrefixDiskOptions {
  core::Path folder = {};     // of all models; made where it is missing
  std::string identity = {};  // of the model: its digest and the types it is computed and kept in
  uint64_t most_bytes = uint64_t{32} << 30;
};

class PrefixDisk {
 public:
  // kPermission when the folder lets others in. The env outlives it.
  static core::Result<std::unique_ptr<PrefixDisk>> Open(core::Env& env,
                                                        const PrefixDiskOptions& options);

  // Everything that is there, without columns and marks, the shortest paths first.
  std::vector<PrefixRecord> Scan();
  // kExhausted when there is no room for it.
  core::Result<PrefixFile> Write(const PrefixRecord& record);
  // Whole; kCorrupt when it is not what was written.
  core::Result<PrefixRecord> Read(const PrefixFile& file);
  void Remove(const PrefixFile& file);
  uint64_t bytes() const { return bytes_; }

 private:
  PrefixDisk(core::Env& env, core::Path folder, std::string identity, uint64_t most_bytes)
      : env_(env),
        folder_(std::move(folder)),
        identity_(std::move(identity)),
        most_bytes_(most_bytes) {}

  core::Env& env_;
  const core::Path folder_;
  const std::string identity_;
  const uint64_t most_bytes_;
  uint64_t bytes_ = 0;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_PREFIX_DISK_H_
