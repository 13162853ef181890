// The tokens that go around a text, or around two: the "post_processor" of tokenizer.json.
// Immutable after loading.
#ifndef INGOT_TEXT_TOKEN_POST_PROCESSOR_H_
#define INGOT_TEXT_TOKEN_POST_PROCESSOR_H_

#include <span>
#include <vector>

#include "core/status.h"
#include "text/token/component.h"
#include "text/token/vocab.h"

namespace ingot::text {

class PostProcessor {
 public:
  // A text alone, two texts one after the other, nothing added.
  PostProcessor();
  // TemplateProcessing BertProcessing RobertaProcessing ByteLevel Sequence.
  static core::Result<PostProcessor> Load(const Component& component);

  void Apply(std::span<const TokenId> text, bool add_special, std::vector<TokenId>& out) const;
  void ApplyPair(std::span<const TokenId> first, std::span<const TokenId> second, bool add_special,
                 std::vector<TokenId>& out) const;
  // How many tokens Apply adds.
  size_t added() const;
  // The ids before the text, and after it.
  std::span<const TokenId> before() const { return before_; }
  std::span<const TokenId> after() const { return after_; }

 private:
  struct Part {
    enum class Kind { kFirst, kSecond, kTokens } kind = Kind::kFirst;
    std::vector<TokenId> tokens;
  };
  static core::Result<PostProcessor> LoadTemplate(const Component& component);
  static core::Result<PostProcessor> LoadBert(const Component& component, bool roberta);
  static core::Result<std::vector<Part>> LoadParts(const Component& component,
                                                   std::string_view key);
  static void Write(const std::vector<Part>& parts, std::span<const TokenId> first,
                    std::span<const TokenId> second, bool add_special, std::vector<TokenId>& out);
  void FindEdges();

  std::vector<Part> single_;
  std::vector<Part> pair_;
  std::vector<TokenId> before_;
  std::vector<TokenId> after_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_TOKEN_POST_PROCESSOR_H_
