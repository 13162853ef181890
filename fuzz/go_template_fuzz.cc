// Any text as a Go-style template: refused, or rendered within the limits; user text keeps its
// marks inside the output.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json.h"
#include "core/strings.h"
#include "text/gotemplate/go_template.h"
#include "text/jinja/template.h"

namespace {

using ingot::core::Json;

void Require(bool holds) {
  if (!holds) std::abort();
}

const Json kData = {
    {"System", "be <nice>"},
    {"Prompt", "h\u00e9llo"},
    {"Response", ""},
    {"Messages",
     {{{"Role", "user"}, {"Content", "what?"}, {"ToolCalls", Json::array()}},
      {{"Role", "assistant"},
       {"Content", ""},
       {"ToolCalls", {{{"Function", {{"Name", "f"}, {"Arguments", {{"x", 1}}}}}}}}}}},
    {"Tools", Json::array()},
    {"Think", true},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace jinja = ingot::text::jinja;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = ingot::text::GoTemplate::Parse(source, "fuzz");
  if (!parsed.ok()) {
    Require(!parsed.status().message().empty());
    return 0;
  }
  ingot::text::GoRenderOptions options;
  options.limits.max_steps = 100'000;
  options.limits.max_output = 1 << 18;
  options.limits.max_memory = 1 << 24;
  for (bool cut : {false, true}) {
    options.cut_at_response = cut;
    const auto text = parsed->Render(jinja::FromJson(kData, jinja::Origin::kUser), options);
    if (!text.ok()) {
      Require(!text.status().message().empty());
      continue;
    }
    Require(ingot::core::IsValidUtf8(text->view()));
    for (const jinja::ByteRange& range : text->user()) {
      Require(range.begin < range.end && range.end <= text->size());
    }
  }
  return 0;
}
