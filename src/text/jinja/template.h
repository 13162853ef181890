// A chat template, parsed once and rendered any number of times; rendering is const and may run on
// many threads at once.
//
// What a rendering gives is text with marks: which of its bytes came from values that the user
// supplied. The tokenizer looks for control tokens only outside them.
#ifndef INGOT_TEXT_JINJA_TEMPLATE_H_
#define INGOT_TEXT_JINJA_TEMPLATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json.h"
#include "core/status.h"
#include "text/jinja/meter.h"
#include "text/jinja/text.h"
#include "text/jinja/value.h"

namespace ingot::text::jinja {

// The variables of a rendering; the last of a name wins.
using Context = std::vector<std::pair<std::string, Value>>;

// Strings inside take the origin, object keys too.
Value FromJson(const core::Json& json, Origin origin);

struct RenderOptions {
  Limits limits;
  int64_t wall_ns = 0;  // the time that strftime_now shows, nanoseconds since the Unix epoch
};

class Template {
 public:
  // name stands in front of error messages: "chat_template.jinja: line 3, column 7: …".
  static core::Result<Template> Parse(std::string_view source, std::string_view name);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  core::Result<Text> Render(const Context& context, const RenderOptions& options = {}) const;

  const std::string& name() const { return name_; }
  const std::string& source() const { return source_; }

 private:
  struct Program;
  Template();

  std::string name_;
  std::string source_;
  std::unique_ptr<const Program> program_;
};

}  // namespace ingot::text::jinja

#endif  // INGOT_TEXT_JINJA_TEMPLATE_H_
