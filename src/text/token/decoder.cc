#include "text/token/decoder.h"

#include <utility>

#include "core/strings.h"
#include "text/token/byte_level.h"
#include "text/token/model.h"
#include "text/token/utf8.h"

namespace ingot::text {

using core::Result;
using core::Status;
using Kind = DecoderStep::Kind;

namespace {

Status LoadMetaspace(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(step.point, component.Point("replacement"));
  INGOT_ASSIGN(const bool prefix, component.BoolOr("add_prefix_space", true));
  std::string scheme = "always";
  if (component.Find("prepend_scheme") != nullptr) {
    INGOT_ASSIGN(scheme, component.String("prepend_scheme"));
  }
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return component.Fail("prepend_scheme", "always, first or never");
  }
  if (!prefix && scheme != "never") {
    return component.Fail("prepend_scheme", "never, because add_prefix_space is false");
  }
  step.flag = scheme != "never";
  return Status::Ok();
}

Status LoadReplace(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(const Component::Pattern pattern, component.PatternField("pattern"));
  INGOT_ASSIGN(step.content, component.String("content"));
  step.text = pattern.text;
  if (pattern.is_regex || pattern.text.empty()) {
    Result<Regex> regex = CompilePattern(pattern);
    if (!regex.ok()) return std::move(regex).status().Context(component.where());
    step.regex = std::make_shared<const Regex>(*std::move(regex));
  }
  return Status::Ok();
}

Status LoadStrip(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(step.point, component.Point("content"));
  INGOT_ASSIGN(step.start, component.Unsigned("start"));
  INGOT_ASSIGN(step.stop, component.Unsigned("stop"));
  return Status::Ok();
}

Status LoadWordPiece(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(step.text, component.String("prefix"));
  INGOT_ASSIGN(step.flag, component.Bool("cleanup"));
  return Status::Ok();
}

Status LoadBpe(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(step.text, component.String("suffix"));
  return Status::Ok();
}

Status LoadCtc(const Component& component, DecoderStep& step) {
  INGOT_ASSIGN(step.text, component.String("pad_token"));
  INGOT_ASSIGN(step.content, component.String("word_delimiter_token"));
  INGOT_ASSIGN(step.flag, component.Bool("cleanup"));
  return Status::Ok();
}

Status LoadNothing(const Component&, DecoderStep&) { return Status::Ok(); }

struct Known {
  std::string_view type;
  Kind kind;
  Status (*load)(const Component&, DecoderStep&);
};
constexpr Known kKnown[] = {{"BPEDecoder", Kind::kBpeSuffix, LoadBpe},
                            {"ByteFallback", Kind::kByteFallback, LoadNothing},
                            {"ByteLevel", Kind::kByteLevel, LoadNothing},
                            {"CTC", Kind::kCtc, LoadCtc},
                            {"Fuse", Kind::kFuse, LoadNothing},
                            {"Metaspace", Kind::kMetaspace, LoadMetaspace},
                            {"Replace", Kind::kReplace, LoadReplace},
                            {"Strip", Kind::kStrip, LoadStrip},
                            {"WordPiece", Kind::kWordPiece, LoadWordPiece}};

// Must see a token whole, even when what comes before hands it out in parts.
bool NeedsWhole(const DecoderStep& step) {
  switch (step.kind) {
    case Kind::kFuse:
    case Kind::kMetaspace:
    case Kind::kJoinWithSpaces:
      return false;
    case Kind::kStrip:
      return step.stop > 0;
    case Kind::kReplace:
      return step.regex != nullptr;
    default:
      return true;
  }
}

}  // namespace

DecoderPlan::DecoderPlan() {
  DecoderStep join;
  join.kind = Kind::kJoinWithSpaces;
  steps_.push_back(std::move(join));
}

Status DecoderPlan::Collect(const Component& component, std::vector<DecoderStep>& steps) {
  const Result<std::string> found = component.Type();
  if (!found.ok()) return found.status();
  const std::string& type = *found;
  if (type == "Sequence") {
    INGOT_ASSIGN(const std::vector<Component> list, component.List("decoders"));
    for (const Component& element : list) INGOT_TRY(Collect(element, steps));
    return Status::Ok();
  }
  for (const Known& known : kKnown) {
    if (type != known.type) continue;
    DecoderStep step;
    step.kind = known.kind;
    INGOT_TRY(known.load(component, step));
    steps.push_back(std::move(step));
    return Status::Ok();
  }
  return component.Unknown(type);
}

Result<DecoderPlan> DecoderPlan::Load(const Component& component) {
  DecoderPlan plan;
  plan.steps_.clear();
  INGOT_TRY(Collect(component, plan.steps_));
  plan.TakeLocalSteps();
  return plan;
}

void DecoderPlan::TakeLocalSteps() {
  size_t count = 0;
  while (count < steps_.size() &&
         (steps_[count].kind == Kind::kReplace || steps_[count].kind == Kind::kStrip)) {
    ++count;
  }
  const auto end = steps_.begin() + static_cast<ptrdiff_t>(count);
  local_.assign(steps_.begin(), end);
  steps_.erase(steps_.begin(), end);
}

void DecoderPlan::Prepare(std::string_view token, std::string& out) const {
  std::string changed;
  for (const DecoderStep& step : local_) {
    changed =
        step.kind == Kind::kReplace ? ReplaceAll(step, token) : std::string(StripEnds(step, token));
    token = changed;
  }
  if (!steps_.empty() && steps_[0].kind == Kind::kByteLevel) {
    if (const std::optional<std::string> bytes = FromByteLevel(token)) {
      out += *bytes;
      return;
    }
  }
  out += token;
}

std::string DecoderPlan::Bytes(std::string_view prepared) const {
  std::string text(prepared);
  for (const DecoderStep& step : steps_) {
    switch (step.kind) {
      case Kind::kByteFallback:
        if (const std::optional<uint8_t> byte = ByteOfToken(text)) {
          return std::string(1, static_cast<char>(*byte));
        }
        break;
      case Kind::kMetaspace: {
        DecoderStep replace;
        AppendPoint(replace.text, step.point);
        replace.content = " ";
        text = ReplaceAll(replace, text);
        break;
      }
      case Kind::kWordPiece:
        text =
            text.starts_with(step.text) ? text.substr(step.text.size()) : core::StrCat(" ", text);
        break;
      case Kind::kReplace:
        text = ReplaceAll(step, text);
        break;
      case Kind::kBpeSuffix: {
        DecoderStep replace;
        replace.text = step.text;
        replace.content = " ";
        text = ReplaceAll(replace, text);
        break;
      }
      default:
        break;
    }
  }
  return text;
}

bool DecoderPlan::only_joins_bytes() const {
  return steps_.size() == 1 && steps_[0].kind == Kind::kByteLevel;
}

class DecoderFlow::Collector : public TextSink {
 public:
  void Take(std::string_view text, bool) override { text_.append(text); }
  void End() override {}
  std::string text_;
};

DecoderFlow::DecoderFlow(const DecoderPlan& plan) : end_(std::make_unique<Collector>()) {
  // From the end to the start, each stage knowing the next.
  std::vector<std::unique_ptr<TextSink>> reversed;
  TextSink* next = end_.get();
  const std::vector<DecoderStep>& steps = plan.steps();
  for (size_t i = steps.size(); i-- > 0;) {
    const auto add = [&](std::unique_ptr<TextSink> stage) {
      reversed.push_back(std::move(stage));
      next = reversed.back().get();
    };
    add(MakeStage(steps[i], *next));
    if (i > 0 && steps[i].kind == Kind::kByteLevel) add(MakeByteMap(*next));
    bool parts = false;
    for (size_t before = 0; before < i; ++before) {
      parts |= steps[before].kind == Kind::kByteLevel || steps[before].kind == Kind::kFuse;
    }
    if (parts && NeedsWhole(steps[i])) add(MakeWhole(*next));
  }
  stages_.assign(std::make_move_iterator(reversed.rbegin()),
                 std::make_move_iterator(reversed.rend()));
}

DecoderFlow::~DecoderFlow() = default;
DecoderFlow::DecoderFlow(DecoderFlow&&) noexcept = default;
DecoderFlow& DecoderFlow::operator=(DecoderFlow&&) noexcept = default;

void DecoderFlow::Push(std::string_view prepared) {
  if (stages_.empty()) return end_->Take(prepared, true);
  stages_[0]->Take(prepared, true);
}

void DecoderFlow::Finish() {
  if (!stages_.empty()) stages_[0]->End();
}

std::string DecoderFlow::TakeText() {
  std::string text;
  text.swap(end_->text_);
  return text;
}

}  // namespace ingot::text
