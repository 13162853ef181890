#include "text/token/post_processor.h"

#include <optional>

#include "core/strings.h"

namespace ingot::text {

using core::Json;
using core::Result;
using core::StrCat;

namespace {

// A template may not make many tokens of none.
constexpr size_t kMostParts = 256;

Result<TokenId> IdOf(const Component& component, std::string_view key, const Json& json) {
  if (!json.is_number_unsigned() || json.get<uint64_t>() > kMaxTokenId) {
    return component.Fail(key, "token ids");
  }
  return json.get<TokenId>();
}

// ["[SEP]", 102]
Result<TokenId> NamedId(const Component& component, std::string_view key) {
  const Json* found = component.Find(key);
  if (found == nullptr || !found->is_array() || found->size() != 2) {
    return component.Fail(key, "a token and its id");
  }
  return IdOf(component, key, (*found)[1]);
}

}  // namespace

PostProcessor::PostProcessor() {
  single_.push_back({Part::Kind::kFirst, {}});
  pair_.push_back({Part::Kind::kFirst, {}});
  pair_.push_back({Part::Kind::kSecond, {}});
}

Result<std::vector<PostProcessor::Part>> PostProcessor::LoadParts(const Component& component,
                                                                  std::string_view key) {
  const Json* list = component.Find(key);
  if (list == nullptr || !list->is_array() || list->size() > kMostParts) {
    return component.Fail(key, "a list of parts");
  }
  std::vector<Part> parts;
  for (const Json& element : *list) {
    if (!element.is_object() || element.size() != 1 || !element.begin()->is_object()) {
      return component.Fail(key, "parts with one member each");
    }
    const Component part(*element.begin(), StrCat(component.where(), ".", key));
    INGOT_ASSIGN(const std::string id, part.String("id"));
    if (element.begin().key() == "Sequence") {
      if (id != "A" && id != "B") return part.Fail("id", "A or B");
      parts.push_back({id == "A" ? Part::Kind::kFirst : Part::Kind::kSecond, {}});
      continue;
    }
    if (element.begin().key() != "SpecialToken") {
      return component.Fail(key, "Sequence or SpecialToken");
    }
    const Json* all = component.Find("special_tokens");
    if (all == nullptr || !all->is_object() || !all->contains(id)) {
      return component.Fail("special_tokens", StrCat("an entry for ", core::Quoted(id, 60)));
    }
    const Component special((*all)[id], StrCat(component.where(), ".special_tokens"));
    const Json* ids = special.Find("ids");
    if (ids == nullptr || !ids->is_array() || ids->size() > kMostParts) {
      return special.Fail("ids", "a list of token ids");
    }
    Part made{Part::Kind::kTokens, {}};
    for (const Json& number : *ids) {
      INGOT_ASSIGN(const TokenId token, IdOf(special, "ids", number));
      made.tokens.push_back(token);
    }
    parts.push_back(std::move(made));
  }
  return parts;
}

Result<PostProcessor> PostProcessor::LoadTemplate(const Component& component) {
  PostProcessor made;
  INGOT_ASSIGN(made.single_, LoadParts(component, "single"));
  INGOT_ASSIGN(made.pair_, LoadParts(component, "pair"));
  for (const Part& part : made.single_) {
    if (part.kind == Part::Kind::kSecond) {
      return component.Fail("single", "no sequence but A");
    }
  }
  return made;
}

Result<PostProcessor> PostProcessor::LoadBert(const Component& component, bool roberta) {
  INGOT_ASSIGN(const TokenId begin, NamedId(component, "cls"));
  INGOT_ASSIGN(const TokenId end, NamedId(component, "sep"));
  const Part first{Part::Kind::kTokens, {begin}};
  const Part last{Part::Kind::kTokens, {end}};
  PostProcessor made;
  made.single_ = {first, {Part::Kind::kFirst, {}}, last};
  made.pair_ = {first, {Part::Kind::kFirst, {}}, last, {Part::Kind::kSecond, {}}, last};
  if (roberta) made.pair_.insert(made.pair_.begin() + 3, last);
  return made;
}

Result<PostProcessor> PostProcessor::Load(const Component& component) {
  INGOT_ASSIGN(const std::string type, component.Type());
  PostProcessor made;
  if (type == "TemplateProcessing") {
    INGOT_ASSIGN(made, LoadTemplate(component));
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    INGOT_ASSIGN(made, LoadBert(component, type == "RobertaProcessing"));
  } else if (type == "Sequence") {
    INGOT_ASSIGN(const std::vector<Component> list, component.List("processors"));
    bool adds = false;
    for (const Component& element : list) {
      INGOT_ASSIGN(const std::string inner, element.Type());
      INGOT_ASSIGN(PostProcessor step, Load(element));
      if (inner == "ByteLevel") continue;
      if (adds) {
        return core::Unsupported(
            StrCat(element.where(), ": more than one processor that adds tokens"));
      }
      adds = true;
      made = std::move(step);
    }
  } else if (type != "ByteLevel") {  // which only trims offsets
    return component.Unknown(type);
  }
  made.FindEdges();
  return made;
}

void PostProcessor::FindEdges() {
  before_.clear();
  after_.clear();
  bool seen = false;
  for (const Part& part : single_) {
    if (part.kind == Part::Kind::kFirst) seen = true;
    std::vector<TokenId>& edge = seen ? after_ : before_;
    edge.insert(edge.end(), part.tokens.begin(), part.tokens.end());
  }
}

size_t PostProcessor::added() const { return before_.size() + after_.size(); }

void PostProcessor::Write(const std::vector<Part>& parts, std::span<const TokenId> first,
                          std::span<const TokenId> second, bool add_special,
                          std::vector<TokenId>& out) {
  for (const Part& part : parts) {
    switch (part.kind) {
      case Part::Kind::kFirst:
        out.insert(out.end(), first.begin(), first.end());
        break;
      case Part::Kind::kSecond:
        out.insert(out.end(), second.begin(), second.end());
        break;
      case Part::Kind::kTokens:
        if (add_special) out.insert(out.end(), part.tokens.begin(), part.tokens.end());
        break;
    }
  }
}

void PostProcessor::Apply(std::span<const TokenId> text, bool add_special,
                          std::vector<TokenId>& out) const {
  Write(single_, text, {}, add_special, out);
}

void PostProcessor::ApplyPair(std::span<const TokenId> first, std::span<const TokenId> second,
                              bool add_special, std::vector<TokenId>& out) const {
  Write(pair_, first, second, add_special, out);
}

}  // namespace ingot::text
