// The subset of Go's text/template that the TEMPLATE of published Modelfiles is written in: text,
// pipelines, if, with, range, variables, define and template, and the functions for chats. What is
// beyond it is refused by name when the template is parsed.
//
// Parsed once, rendered any number of times; rendering is const and may run on many threads. User
// bytes stay marked (jinja::Text).
#ifndef INGOT_TEXT_GOTEMPLATE_GO_TEMPLATE_H_
#define INGOT_TEXT_GOTEMPLATE_GO_TEMPLATE_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/status.h"
#include "text/jinja/meter.h"
#include "text/jinja/text.h"
#include "text/jinja/value.h"

namespace ingot::text {

struct GoRenderOptions {
  jinja::Limits limits;
  int64_t wall_ns = 0;  // what currentDate shows, nanoseconds since the Unix epoch
  // Ends before the first print of .Response outside of a range: what a model that answers is
  // asked to write itself.
  bool cut_at_response = false;
};

class GoTemplate {
 public:
  // name stands in error messages: "TEMPLATE: line 3, column 7: …".
  static core::Result<GoTemplate> Parse(std::string_view source, std::string_view name);

  GoTemplate(GoTemplate&&) noexcept;
  GoTemplate& operator=(GoTemplate&&) noexcept;
  ~GoTemplate();

  // data is a dict: the dot that the template begins with.
  core::Result<jinja::Text> Render(const jinja::Value& data,
                                   const GoRenderOptions& options = {}) const;

  // Whether the template speaks of a field of this name anywhere (".Messages").
  bool Mentions(std::string_view field) const;

 private:
  struct Program;
  GoTemplate();
  std::string name_;
  std::unique_ptr<const Program> program_;
};

}  // namespace ingot::text

#endif  // INGOT_TEXT_GOTEMPLATE_GO_TEMPLATE_H_
