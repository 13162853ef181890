// Tokens back to text, and what single tokens are.
#include "text/token/tokenizer.h"
#include "text/token/utf8.h"

namespace ingot::text {

std::optional<std::string_view> Tokenizer::TokenText(TokenId id) const {
  if (const AddedToken* token = added_.Token(id)) return token->normal;
  return model_->Text(id);
}

std::optional<TokenId> Tokenizer::TokenOf(std::string_view text) const {
  if (const std::optional<TokenId> id = added_.Id(text)) return id;
  return model_->vocab().Find(text);
}

std::string_view Tokenizer::TokenBytes(TokenId id) const {
  return plain_.ends.empty() ? prepared_[id] : plain_[id];
}

std::string Tokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  const auto shown = [&](TokenId id) {
    return id < id_end_ && TokenText(id) && !(skip_special && special_.Contains(id));
  };
  if (decoder_.only_joins_bytes()) {
    std::string bytes;
    bytes.reserve(ids.size() * 4);
    for (const TokenId id : ids) {
      if (!(skip_special && special_.Contains(id))) bytes.append(prepared_[id]);
    }
    std::string repaired;
    const std::string_view text = Repair(bytes, repaired);
    return text.data() == bytes.data() ? bytes : repaired;
  }
  DecoderFlow flow(decoder_);
  for (const TokenId id : ids) {
    if (shown(id)) flow.Push(prepared_[id]);
  }
  flow.Finish();
  return flow.TakeText();
}

TokenStream Tokenizer::Stream(bool skip_special) const { return TokenStream(*this, skip_special); }

TokenStream::TokenStream(const Tokenizer& tokenizer, bool skip_special)
    : tokenizer_(&tokenizer), skip_special_(skip_special), flow_(tokenizer.decoder_) {}

std::string TokenStream::Push(TokenId id) {
  if (id >= tokenizer_->id_end_ || !tokenizer_->TokenText(id)) return {};
  if (skip_special_ && tokenizer_->special_.Contains(id)) return {};
  flow_.Push(tokenizer_->prepared_[id]);
  return flow_.TakeText();
}

std::string TokenStream::Finish() {
  flow_.Finish();
  return flow_.TakeText();
}

}  // namespace ingot::text
