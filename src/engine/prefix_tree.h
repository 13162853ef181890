// What prompts have been read, so that nothing is computed twice: for each owner a tree over
// tokens, with the columns of each stretch and marks where recurrent and windowed layers can be
// taken up again. Owners know nothing of each other's.
//
// Its memory is bounded: what was not used for longest goes to disk, where there is one, or is
// forgotten. Used by the engine thread alone.
#ifndef INGOT_ENGINE_PREFIX_TREE_H_
#define INGOT_ENGINE_PREFIX_TREE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/generation.h"
#include "engine/prefix_disk.h"
#include "model/language_model.h"
#include "model/state_bytes.h"

namespace ingot::engine {

struct PrefixFound {
  size_t length = 0;   // tokens that need not be read
  size_t matched = 0;  // tokens that were read before, by whichever states they left
  PrefixMiss miss = PrefixMiss::kNone;  // why length is not all but the last token
};

class PrefixTree {
 public:
  // disk: may be null. It holds what an earlier process left, which is known from the start.
  PrefixTree(const model::LanguageModel& model, uint64_t memory_bytes,
             std::unique_ptr<PrefixDisk> disk);
  // Puts what is in memory on disk, as far as that has room.
  ~PrefixTree();
  PrefixTree(const PrefixTree&) = delete;
  PrefixTree& operator=(const PrefixTree&) = delete;

  // How much of the prompt is known; its last token is always left to be read.
  PrefixFound Find(const std::string& owner, std::span<const int> prompt) const;
  // The same, and makes a new state stand there. Shorter where something on disk turns out to be
  // broken.
  PrefixFound TakeUp(const std::string& owner, std::span<const int> prompt,
                     model::SequenceState& fresh);
  // Keeps what a sequence has read: tokens as many as the state's length, marks at places along
  // them. Everything pending has been computed.
  void Keep(const std::string& owner, std::span<const int> tokens,
            const model::SequenceState& state, std::vector<model::StateMark> marks);

  // How much of memory it may take from now on; what is beyond goes.
  void SetLimit(uint64_t memory_bytes) {
    limit_ = memory_bytes;
    Shrink();
  }
  uint64_t memory_bytes() const { return bytes_; }
  uint64_t disk_bytes() const { return disk_ ? disk_->bytes() : 0; }

 private:
  // A stretch of tokens that follows its parent's.
  struct Node {
    Node* parent = nullptr;
    size_t begin = 0;  // of the stretch, in tokens from the start
    std::vector<int> tokens;
    std::optional<model::StateColumns> columns;  // of all its tokens; absent: on disk, or gone
    std::vector<model::StateMark> marks;         // within (begin, end], rising
    std::vector<int> marked;  // where there are marks, be they in memory or on disk
    std::optional<PrefixFile> file;
    std::map<int, std::unique_ptr<Node>> children;  // by first token
    uint64_t used = 0;

    size_t end() const { return begin + tokens.size(); }
    bool known() const { return columns.has_value() || file.has_value(); }
    size_t bytes() const;
  };
  // The way that a prompt leads through the tree.
  struct Way {
    std::vector<Node*> nodes;
    size_t matched = 0;
    PrefixFound found;
  };
  Way Follow(const std::string& owner, std::span<const int> prompt) const;
  // Brings its stretch back from disk; false, and forgets it, where that fails.
  bool Load(Node& node);
  void Split(Node& node, size_t at);
  void AddMarks(const std::vector<Node*>& way, std::vector<model::StateMark> marks);
  void Shrink();
  void PageOut(Node& node);
  void Forget(Node& node);
  std::vector<int> PathOf(const Node& node) const;
  const std::string& OwnerOf(const Node& node) const;
  void EachNode(const std::function<void(Node&)>& f);

  const model::LanguageModel& model_;
  uint64_t limit_;
  const bool cuts_anywhere_;
  std::unique_ptr<PrefixDisk> disk_;
  std::map<std::string, std::unique_ptr<Node>> roots_;  // by owner; a root has no tokens
  uint64_t bytes_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace ingot::engine

#endif  // INGOT_ENGINE_PREFIX_TREE_H_
