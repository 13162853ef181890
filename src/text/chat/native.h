// Renderers of our own, for checkpoints that carry no template: each writes what the template of
// its family's checkpoints would have written. Chosen by the name that the import found or that a
// Modelfile gave (RENDERER). Pure functions; any thread.
#ifndef INGOT_TEXT_CHAT_NATIVE_H_
#define INGOT_TEXT_CHAT_NATIVE_H_

#include <span>
#include <string_view>

#include "core/status.h"
#include "text/chat/message.h"
#include "text/chat/prompt_writer.h"

namespace ingot::text {

struct NativeOptions {
  std::string_view bos;  // of the tokenizer; empty: the family's own
  // Models of 12 billion parameters and more answer without thinking only after an empty thought.
  bool large = true;
};

struct NativeRenderer {
  std::string_view name;
  bool images;  // its prompts have a place for pictures
  core::Status (*render)(const ChatRequest& request, const NativeOptions& options,
                         PromptWriter& out);
};

// nullptr: no renderer of that name.
const NativeRenderer* FindNativeRenderer(std::string_view name);
std::span<const NativeRenderer> NativeRenderers();

core::Status RenderQwen35(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out);
core::Status RenderQwen38(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out);
core::Status RenderQwen3Coder(const ChatRequest& request, const NativeOptions& options,
                              PromptWriter& out);
core::Status RenderNemotron3(const ChatRequest& request, const NativeOptions& options,
                             PromptWriter& out);
core::Status RenderNemotron35(const ChatRequest& request, const NativeOptions& options,
                              PromptWriter& out);
core::Status RenderGemma4(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out);
core::Status RenderGlm47(const ChatRequest& request, const NativeOptions& options,
                         PromptWriter& out);
core::Status RenderLaguna(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out);
core::Status RenderPoolside(const ChatRequest& request, const NativeOptions& options,
                            PromptWriter& out);
core::Status RenderCohere(const ChatRequest& request, const NativeOptions& options,
                          PromptWriter& out);
core::Status RenderGlimmer(const ChatRequest& request, const NativeOptions& options,
                           PromptWriter& out);
core::Status RenderGeneric(const ChatRequest& request, const NativeOptions& options,
                           PromptWriter& out);

// What a turn of the assistant thought: its thinking, or what stands before </think> in its text.
struct Thought {
  std::string thinking;
  std::string text;
};
Thought SplitThought(const Message& message);

// The index of the last message of the user for which `counts` holds, or -1.
int LastUser(const ChatRequest& request, bool (*counts)(const Message&) = nullptr);

inline bool Thinks(const ChatRequest& request, bool fallback) {
  return request.think.on.value_or(fallback);
}

}  // namespace ingot::text

#endif  // INGOT_TEXT_CHAT_NATIVE_H_
