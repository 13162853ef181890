// Any text as a chat template: refused, or rendered within the limits; user text keeps its marks
// inside the output. The bytes before the first zero are the template, the rest is what the user
// says.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json.h"
#include "core/strings.h"
#include "text/jinja/template.h"
#include "text/jinja/unicode.h"

namespace {

namespace jinja = ingot::text::jinja;

void Require(bool holds) {
  if (!holds) std::abort();
}

jinja::Context MakeContext(std::string_view said) {
  using ingot::core::Json;
  const Json messages = {
      {{"role", "system"}, {"content", "Be <nice>."}},
      {{"role", "user"}, {"content", jinja::ValidUtf8(said)}},
      {{"role", "assistant"},
       {"content", nullptr},
       {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", {{"x", 1}, {"y", 2.5}}}}}}}}},
  };
  return {{"messages", jinja::FromJson(messages, jinja::Origin::kUser)},
          {"x", jinja::FromJson(5, jinja::Origin::kUser)},
          {"add_generation_prompt", jinja::FromJson(true, jinja::Origin::kTemplate)}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const auto parsed = jinja::Template::Parse(input.substr(0, end), "fuzz");
  if (!parsed.ok()) {
    Require(!parsed.status().message().empty());
    return 0;
  }
  jinja::RenderOptions options;
  options.limits.max_steps = 200'000;
  options.limits.max_output = 1 << 18;
  options.limits.max_memory = 1 << 24;
  const auto text = parsed->Render(MakeContext(input.substr(end)), options);
  if (!text.ok()) {
    Require(!text.status().message().empty());
    return 0;
  }
  Require(ingot::core::IsValidUtf8(text->view()));
  size_t at = 0;
  for (const jinja::ByteRange& range : text->user()) {
    Require(range.begin >= at && range.begin < range.end && range.end <= text->size());
    Require(ingot::core::IsValidUtf8(text->view().substr(range.begin, range.end - range.begin)));
    at = range.end;
  }
  return 0;
}
