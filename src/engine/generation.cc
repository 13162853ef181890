#include "engine/generation.h"

#include <array>

#include "core/strings.h"

namespace ingot::engine {

std::string_view FinishName(Finish finish) {
  switch (finish) {
    case Finish::kStop:
      return "stop";
    case Finish::kLength:
      return "length";
    case Finish::kCancelled:
      break;
  }
  return "cancelled";
}

std::string_view PrefixMissName(PrefixMiss miss) {
  constexpr std::array<std::string_view, kPrefixMisses> kNames = {
      "none", "disabled", "empty", "diverged", "no-mark", "evicted", "corrupt"};
  return kNames[static_cast<size_t>(miss)];
}

core::Status CheckPrompt(const std::vector<int>& prompt, int vocabulary, int context) {
  if (prompt.empty()) return core::InvalidArgument("the prompt has no tokens");
  for (const int token : prompt) {
    if (token < 0 || token >= vocabulary) {
      return core::InvalidArgument(
          core::StrCat("token ", token, " is not in the vocabulary of ", vocabulary));
    }
  }
  if (prompt.size() >= static_cast<size_t>(context)) {
    return core::InvalidArgument(core::StrCat("the prompt has ", prompt.size(),
                                              " tokens, and the context has room for ", context,
                                              " with the answer"));
  }
  return core::Status::Ok();
}

}  // namespace ingot::engine
