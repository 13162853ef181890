#include "engine/prefix_tree.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/strings.h"

namespace ingot::engine {
namespace {

// Of the marks along one conversation, the last few stay, and before them one in so many tokens.
constexpr size_t kLastMarks = 6;
constexpr int kMarkSpacing = 512;
// Stretches that were forgotten are remembered by their tokens, to say why a prompt was read anew.
constexpr size_t kMostForgotten = 1000;
constexpr int kMostRemovals = 64;  // to make room for one file

size_t Common(std::span<const int> a, std::span<const int> b) {
  const auto differ = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<size_t>(differ.first - a.begin());
}

}  // namespace

size_t PrefixTree::Node::bytes() const {
  if (!columns) return 0;
  size_t total = columns->bytes() + tokens.size() * sizeof(int);
  for (const model::StateMark& mark : marks) total += mark.bytes();
  return total;
}

PrefixTree::PrefixTree(const model::LanguageModel& model, uint64_t memory_bytes,
                       std::unique_ptr<PrefixDisk> disk)
    : model_(model),
      limit_(memory_bytes),
      cuts_anywhere_(model.NewState().CanTrimAnywhere()),
      disk_(std::move(disk)) {
  if (!disk_) return;
  for (PrefixRecord& record : disk_->Scan()) {
    std::unique_ptr<Node>& root = roots_[record.owner];
    if (!root) root = std::make_unique<Node>();
    // Parents come first. What has lost its beginning is of no use.
    Node* at = root.get();
    const std::span<const int> path(record.path);
    while (at->end() < static_cast<size_t>(record.begin)) {
      const auto next = at->children.find(path[at->end()]);
      if (next == at->children.end()) break;
      Node* child = next->second.get();
      if (Common(child->tokens, path.subspan(child->begin)) != child->tokens.size()) break;
      at = child;
    }
    const bool fits =
        at->end() == static_cast<size_t>(record.begin) && !at->children.contains(path[at->end()]);
    if (!fits) {
      disk_->Remove(record.file);
      continue;
    }
    auto node = std::make_unique<Node>();
    node->parent = at;
    node->begin = at->end();
    node->tokens.assign(path.begin() + record.begin, path.end());
    node->marked = std::move(record.marked);
    node->file = std::move(record.file);
    const int first = node->tokens.front();
    at->children.emplace(first, std::move(node));
  }
}

PrefixTree::~PrefixTree() {
  if (!disk_) return;
  EachNode([&](Node& node) {
    if (node.columns) PageOut(node);
  });
}

void PrefixTree::EachNode(const std::function<void(Node&)>& f) {
  std::vector<Node*> left;
  for (const auto& [owner, root] : roots_) left.push_back(root.get());
  while (!left.empty()) {
    Node* node = left.back();
    left.pop_back();
    for (const auto& [token, child] : node->children) left.push_back(child.get());
    if (node->parent != nullptr) f(*node);
  }
}

PrefixTree::Way PrefixTree::Follow(const std::string& owner, std::span<const int> prompt) const {
  Way way;
  const auto root = roots_.find(owner);
  if (root == roots_.end() || root->second->children.empty()) {
    way.found.miss = PrefixMiss::kEmpty;
    return way;
  }
  Node* at = root->second.get();
  way.found.miss = PrefixMiss::kDiverged;
  while (way.matched < prompt.size()) {
    const auto next = at->children.find(prompt[way.matched]);
    if (next == at->children.end()) {
      // Behind the end of what was read, everything is new.
      const bool at_end = at->parent != nullptr && at->children.empty();
      if (at_end) way.found.miss = PrefixMiss::kNone;
      break;
    }
    Node* child = next->second.get();
    if (!child->known()) {
      way.found.miss = PrefixMiss::kEvicted;
      break;
    }
    const size_t common = Common(child->tokens, prompt.subspan(way.matched));
    way.nodes.push_back(child);
    way.matched += common;
    if (common < child->tokens.size()) break;
    at = child;
  }
  const size_t most = prompt.empty() ? 0 : prompt.size() - 1;
  const size_t reach = std::min(way.matched, most);
  way.found.matched = way.matched;
  way.found.length = cuts_anywhere_ ? reach : 0;
  if (!cuts_anywhere_) {
    for (const Node* node : way.nodes) {
      for (const int mark : node->marked) {
        const auto place = static_cast<size_t>(mark);
        if (place <= reach) way.found.length = std::max(way.found.length, place);
      }
    }
  }
  if (way.found.length < reach) way.found.miss = PrefixMiss::kNoMark;
  if (way.found.length == most) way.found.miss = PrefixMiss::kNone;
  return way;
}

PrefixFound PrefixTree::Find(const std::string& owner, std::span<const int> prompt) const {
  return Follow(owner, prompt).found;
}

PrefixFound PrefixTree::TakeUp(const std::string& owner, std::span<const int> prompt,
                               model::SequenceState& fresh) {
  bool corrupt = false;
  while (true) {
    Way way = Follow(owner, prompt);
    if (corrupt) way.found.miss = PrefixMiss::kCorrupt;
    if (way.found.length == 0) return way.found;
    std::vector<const model::StateColumns*> columns;
    const model::StateMark* mark = nullptr;
    bool whole = true;
    Node* last = nullptr;
    for (Node* node : way.nodes) {
      if (node->begin >= way.found.length) break;
      last = node;
      node->used = ++clock_;
      whole = whole && Load(*node);
      if (!whole) break;
      columns.push_back(&*node->columns);
      for (const model::StateMark& one : node->marks) {
        if (static_cast<size_t>(one.at) == way.found.length) mark = &one;
      }
    }
    if (whole && !cuts_anywhere_ && mark == nullptr) {
      Forget(*last);
      whole = false;
    }
    if (!whole) {
      corrupt = true;
      continue;  // what was broken is forgotten by now, so this ends
    }
    model::Restore(fresh, columns, mark, static_cast<int>(way.found.length));
    Shrink();
    return way.found;
  }
}

void PrefixTree::Keep(const std::string& owner, std::span<const int> tokens,
                      const model::SequenceState& state, std::vector<model::StateMark> marks) {
  if (tokens.empty() || limit_ == 0) return;
  std::unique_ptr<Node>& root = roots_[owner];
  if (!root) root = std::make_unique<Node>();
  Node* at = root.get();
  std::vector<Node*> way;
  size_t place = 0;
  while (place < tokens.size()) {
    const auto next = at->children.find(tokens[place]);
    if (next == at->children.end()) {
      auto node = std::make_unique<Node>();
      node->parent = at;
      node->begin = place;
      node->tokens.assign(tokens.begin() + static_cast<ptrdiff_t>(place), tokens.end());
      Node* added = node.get();
      at->children.emplace(tokens[place], std::move(node));
      at = added;
    } else {
      at = next->second.get();
      const size_t common = Common(at->tokens, tokens.subspan(place));
      const bool ends_inside = place + common == tokens.size();
      if (common < at->tokens.size() && !(ends_inside && at->known())) Split(*at, common);
    }
    if (!at->known()) {
      at->columns =
          model::CopyColumns(state, static_cast<int>(at->begin), static_cast<int>(at->end()));
      at->marked.clear();
      bytes_ += at->bytes();
    }
    at->used = ++clock_;
    way.push_back(at);
    place = at->end();
  }
  if (!cuts_anywhere_) AddMarks(way, std::move(marks));
  Shrink();
}

void PrefixTree::AddMarks(const std::vector<Node*>& way, std::vector<model::StateMark> marks) {
  for (model::StateMark& mark : marks) {
    const auto node = std::find_if(way.begin(), way.end(), [&](const Node* one) {
      return static_cast<size_t>(mark.at) > one->begin &&
             static_cast<size_t>(mark.at) <= one->end();
    });
    if (node == way.end()) continue;
    Node& to = **node;
    if (std::find(to.marked.begin(), to.marked.end(), mark.at) != to.marked.end()) continue;
    if (!Load(to)) return;  // and all behind it is forgotten, too
    if (to.file) disk_->Remove(*std::exchange(to.file, std::nullopt));
    bytes_ += mark.bytes();
    const auto after = std::upper_bound(to.marked.begin(), to.marked.end(), mark.at);
    to.marks.insert(to.marks.begin() + (after - to.marked.begin()), std::move(mark));
    to.marked.insert(after, to.marks[static_cast<size_t>(after - to.marked.begin())].at);
  }
  // Thins out what lies far back.
  size_t behind = 0;
  int kept = -1;
  for (auto node = way.rbegin(); node != way.rend(); ++node) {
    Node& one = **node;
    for (size_t i = one.marks.size(); i-- > 0;) {
      const bool stays = behind < kLastMarks || kept - one.marks[i].at >= kMarkSpacing;
      ++behind;
      if (stays) {
        kept = one.marks[i].at;
        continue;
      }
      if (one.file) disk_->Remove(*std::exchange(one.file, std::nullopt));
      bytes_ -= one.marks[i].bytes();
      one.marks.erase(one.marks.begin() + static_cast<ptrdiff_t>(i));
      one.marked.erase(one.marked.begin() + static_cast<ptrdiff_t>(i));
    }
  }
}

void PrefixTree::Split(Node& node, size_t at) {
  // Where that fails it is forgotten, and its tokens alone are split.
  (void)Load(node);
  if (node.file) disk_->Remove(*std::exchange(node.file, std::nullopt));
  auto rest = std::make_unique<Node>();
  const size_t place = node.begin + at;
  const size_t before = node.bytes();
  rest->parent = &node;
  rest->begin = place;
  rest->used = node.used;
  rest->tokens.assign(node.tokens.begin() + static_cast<ptrdiff_t>(at), node.tokens.end());
  node.tokens.resize(at);
  if (node.columns) rest->columns = node.columns->Split(static_cast<int>(place));
  while (!node.marks.empty() && static_cast<size_t>(node.marks.back().at) > place) {
    rest->marks.insert(rest->marks.begin(), std::move(node.marks.back()));
    node.marks.pop_back();
  }
  while (!node.marked.empty() && static_cast<size_t>(node.marked.back()) > place) {
    rest->marked.insert(rest->marked.begin(), node.marked.back());
    node.marked.pop_back();
  }
  rest->children = std::exchange(node.children, {});
  for (const auto& [token, child] : rest->children) child->parent = rest.get();
  bytes_ += node.bytes() + rest->bytes() - before;
  const int first = rest->tokens.front();
  node.children.emplace(first, std::move(rest));
}

bool PrefixTree::Load(Node& node) {
  if (node.columns) return true;
  if (!node.file) return false;
  auto record = disk_->Read(*node.file);
  const bool same = record.ok() && record->owner == OwnerOf(node) &&
                    record->begin == static_cast<int>(node.begin) && record->path == PathOf(node) &&
                    record->marked == node.marked && record->marks.size() == node.marked.size();
  if (!same) {
    core::LogWarning(core::StrCat(
        "a kept prefix cannot be used and is removed: ",
        record.ok() ? "it is of something else" : std::string(record.status().message())));
    Forget(node);
    return false;
  }
  node.columns = std::move(record->columns);
  node.marks = std::move(record->marks);
  bytes_ += node.bytes();
  return true;
}

void PrefixTree::Forget(Node& node) {
  // What follows is of no use without it.
  std::vector<Node*> gone = {&node};
  while (!gone.empty()) {
    Node* one = gone.back();
    gone.pop_back();
    for (const auto& [token, child] : one->children) gone.push_back(child.get());
    bytes_ -= one->bytes();
    one->columns.reset();
    one->marks.clear();
    one->marked.clear();
    if (one->file) disk_->Remove(*std::exchange(one->file, std::nullopt));
  }
}

void PrefixTree::PageOut(Node& node) {
  for (int tries = 0; disk_ && !node.file && tries < kMostRemovals; ++tries) {
    PrefixRecord record{.owner = OwnerOf(node),
                        .path = PathOf(node),
                        .begin = static_cast<int>(node.begin),
                        .marked = node.marked,
                        .columns = *std::exchange(node.columns, std::nullopt),
                        .marks = std::exchange(node.marks, {}),
                        .file = {}};
    auto written = disk_->Write(record);
    node.columns = std::move(record.columns);
    node.marks = std::move(record.marks);
    if (written.ok()) {
      node.file = *std::move(written);
      break;
    }
    Node* oldest = nullptr;
    EachNode([&](Node& one) {
      const bool leaf = std::none_of(one.children.begin(), one.children.end(),
                                     [](const auto& child) { return child.second->known(); });
      if (one.file && !one.columns && leaf && (oldest == nullptr || one.used < oldest->used)) {
        oldest = &one;
      }
    });
    if (written.status().code() != core::Code::kExhausted || oldest == nullptr) {
      core::LogWarning(
          core::StrCat("a prefix cannot be kept on disk: ", written.status().message()));
      break;
    }
    Forget(*oldest);
  }
  if (!node.file) return Forget(node);
  bytes_ -= node.bytes();
  node.columns.reset();
  node.marks.clear();
}

void PrefixTree::Shrink() {
  while (bytes_ > limit_) {
    Node* oldest = nullptr;
    EachNode([&](Node& one) {
      const bool outermost = std::none_of(one.children.begin(), one.children.end(),
                                          [](const auto& child) { return child.second->columns; });
      if (one.columns && outermost && (oldest == nullptr || one.used < oldest->used)) oldest = &one;
    });
    if (oldest == nullptr) break;
    PageOut(*oldest);
  }
  std::vector<Node*> forgotten;
  EachNode([&](Node& one) {
    if (!one.known() && one.children.empty()) forgotten.push_back(&one);
  });
  if (forgotten.size() <= kMostForgotten) return;
  std::sort(forgotten.begin(), forgotten.end(),
            [](const Node* a, const Node* b) { return a->used < b->used; });
  forgotten.resize(forgotten.size() - kMostForgotten);
  for (Node* node : forgotten) node->parent->children.erase(node->tokens.front());
}

std::vector<int> PrefixTree::PathOf(const Node& node) const {
  std::vector<int> path(node.end());
  for (const Node* one = &node; one != nullptr; one = one->parent) {
    std::copy(one->tokens.begin(), one->tokens.end(),
              path.begin() + static_cast<ptrdiff_t>(one->begin));
  }
  return path;
}

const std::string& PrefixTree::OwnerOf(const Node& node) const {
  const Node* root = &node;
  while (root->parent != nullptr) root = root->parent;
  const auto found = std::find_if(roots_.begin(), roots_.end(),
                                  [&](const auto& one) { return one.second.get() == root; });
  return found->first;
}

}  // namespace ingot::engine
