#include "text/chat/native.h"

#include <algorithm>

namespace ingot::text {
namespace {

constexpr NativeRenderer kRenderers[] = {
    {"qwen3.5", true, RenderQwen35},
    {"qwen3.8", true, RenderQwen38},
    {"qwen3-coder", false, RenderQwen3Coder},
    {"qwen3", false, RenderQwen3Coder},
    {"gemma4", true, RenderGemma4},
    {"glm-4.7", false, RenderGlm47},
    {"laguna", false, RenderLaguna},
    {"poolside-v1", false, RenderPoolside},
    {"nemotron-3-nano", false, RenderNemotron3},
    {"nemotron-3.5-nano", false, RenderNemotron35},
    {"cohere", true, RenderCohere},
    {"glimmer", true, RenderGlimmer},
    {"generic", false, RenderGeneric},
};

}  // namespace

std::span<const NativeRenderer> NativeRenderers() { return kRenderers; }

const NativeRenderer* FindNativeRenderer(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kRenderers), std::end(kRenderers),
                   [&](const NativeRenderer& renderer) { return renderer.name == name; });
  return found != std::end(kRenderers) ? found : nullptr;
}

Thought SplitThought(const Message& message) {
  Thought thought{message.thinking, message.Text()};
  const size_t close = thought.text.find("</think>");
  if (!thought.thinking.empty() || close == std::string::npos) return thought;
  std::string before = thought.text.substr(0, close);
  before.erase(before.find_last_not_of('\n') + 1);
  if (const size_t open = before.rfind("<think>"); open != std::string_view::npos)
    before.erase(0, open + 7);
  before.erase(0, std::min(before.find_first_not_of('\n'), before.size()));
  std::string after = thought.text.substr(thought.text.rfind("</think>") + 8);
  after.erase(0, std::min(after.find_first_not_of('\n'), after.size()));
  return {std::move(before), std::move(after)};
}

int LastUser(const ChatRequest& request, bool (*counts)(const Message&)) {
  for (auto i = static_cast<int>(request.messages.size()) - 1; i >= 0; --i) {
    const Message& message = request.messages[static_cast<size_t>(i)];
    if (message.role == "user" && (counts == nullptr || counts(message))) return i;
  }
  return -1;
}

// Plain ChatML, for models of which nothing better is known.
core::Status RenderGeneric(const ChatRequest& request, const NativeOptions&, PromptWriter& out) {
  if (request.HasTools()) {
    return core::Unsupported("the generic renderer knows no tools")
        .WithHint("give the model a chat template, or a RENDERER in its Modelfile");
  }
  for (const Message& message : request.messages) {
    out.Raw("<|im_start|>").User(message.role).Raw("\n").User(message.Text());
    if (request.Continues() && &message == &request.messages.back()) return {};
    out.Raw("<|im_end|>\n");
  }
  if (request.add_generation_prompt) out.Raw("<|im_start|>assistant\n");
  return {};
}

}  // namespace ingot::text
