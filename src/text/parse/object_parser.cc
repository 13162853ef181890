#include "text/parse/object_parser.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "text/parse/call_formats.h"

namespace ingot::text {
namespace {

constexpr std::string_view kThinkOpen = "<think>";
constexpr std::string_view kThinkClose = "</think>";

// What models put before a bare call, behind it, and around thinking.
constexpr std::array<std::string_view, 5> kMarks = {"[TOOL_CALLS]", "<|python_tag|>",
                                                    "<|tool_call|>", "<tool_call>", "functools"};
constexpr std::array<std::string_view, 3> kTails = {"</tool_call>", "<|/tool_call|>", "<|eom_id|>"};
constexpr std::array<std::string_view, 9> kTags = {
    "[TOOL_CALLS]",   "<|python_tag|>", "<|tool_call|>", "<tool_call>", "</tool_call>",
    "<|/tool_call|>", "<|eom_id|>",     kThinkOpen,      kThinkClose};

}  // namespace

std::span<const std::string_view> ObjectTags() { return kTags; }

ObjectParser::ObjectParser(ParserOptions options)
    : schemas_(std::move(options.tools)),
      state_(options.in_thinking ? State::kThinking : State::kStart),
      spaced_(options.in_thinking) {}

ParsedPiece ObjectParser::Add(std::string_view text) {
  buffer_ += text;
  while (Step(false)) {
  }
  return std::exchange(out_, {});
}

ParsedPiece ObjectParser::Finish() {
  while (Step(true)) {
  }
  spaced_.Finish(state_ == State::kThinking ? out_.thinking : out_.content);
  return std::exchange(out_, {});
}

bool ObjectParser::Step(bool last) {
  switch (state_) {
    case State::kStart:
      return Start(last);
    case State::kThinking:
      return Thinking(last);
    case State::kContent:
      return Content(last);
    case State::kMarked:
      return Marked(last);
    case State::kObject:
      return Object(last);
  }
  return false;
}

void ObjectParser::Say(std::string_view text, std::string& out) { spaced_.Say(text, out); }

bool ObjectParser::Start(bool last) {
  for (const std::string_view tag : {kThinkOpen, kThinkClose}) {
    const FrontTag front = FindFrontTag(buffer_, tag);
    if (front.end > 0) {
      buffer_.erase(0, front.end);
      state_ = tag == kThinkOpen ? State::kThinking : State::kContent;
      spaced_.Begin();
      return true;
    }
    if (!last && front.may_come) return false;
  }
  state_ = State::kContent;
  return true;
}

bool ObjectParser::Thinking(bool last) {
  if (spaced_.at_start()) {
    const FrontTag again = FindFrontTag(buffer_, kThinkOpen);
    buffer_.erase(0, again.end);
    if (again.end > 0) return true;
    if (!last && again.may_come) return false;
  }
  const std::string_view tags[] = {kThinkClose};
  const TagHit hit = FindTag(buffer_, tags);
  const size_t end = hit.found() ? hit.at : last ? buffer_.size() : HeldFrom(buffer_, tags);
  Say(std::string_view(buffer_).substr(0, end), out_.thinking);
  buffer_.erase(0, end);
  if (!hit.found()) return false;
  buffer_.erase(0, kThinkClose.size());
  spaced_.Begin();
  line_start_ = true;
  state_ = State::kContent;
  return true;
}

// An object opens where a line begins, or behind a mark.
bool ObjectParser::Content(bool last) {
  if (schemas_.empty()) {
    Say(std::exchange(buffer_, {}), out_.content);
    return false;
  }
  if (line_start_ || after_call_) {
    const size_t begin = std::min(buffer_.find_first_not_of(kTagSpace), buffer_.size());
    Say(std::string_view(buffer_).substr(0, begin), out_.content);
    buffer_.erase(0, begin);
  }
  if (buffer_.empty()) return false;
  const std::string_view text = buffer_;
  for (const std::string_view tail : kTails) {
    if (!after_call_) break;
    if (text.starts_with(tail)) {
      buffer_.erase(0, tail.size());
      return true;
    }
    if (!last && tail.starts_with(text)) return false;
  }
  if (after_call_ && (text[0] == ';' || text[0] == ',')) {
    const size_t next = text.find_first_not_of(kTagSpace, 1);
    if (next == std::string_view::npos && !last) return false;
    if (next != std::string_view::npos && text[next] == '{') {
      buffer_.erase(0, next);
      return true;
    }
  }
  const TagHit mark = FindTag(text, kMarks);
  const size_t held = last ? text.size() : HeldFrom(text, kMarks);
  if (line_start_ && mark.at > 0 && (held > 0 || last) && (text[0] == '{' || text[0] == '[')) {
    OpenObject();
    return true;
  }
  // To the end of the line, or to a mark or what may become one.
  const size_t line = std::min(text.find('\n'), std::string_view::npos - 1) + 1;
  const size_t end = std::min({line, mark.at, held});
  if (end > 0) {
    line_start_ = end == line;
    after_call_ = false;
    Say(text.substr(0, end), out_.content);
    buffer_.erase(0, end);
    return true;
  }
  if (!mark.found()) return false;
  mark_ = std::string(kMarks[mark.which]);
  buffer_.erase(0, mark_.size());
  state_ = State::kMarked;
  return true;
}

// Behind a mark: an object, or the mark is text.
bool ObjectParser::Marked(bool last) {
  const size_t begin = buffer_.find_first_not_of(kTagSpace);
  if (begin == std::string_view::npos && !last) return false;
  if (begin != std::string_view::npos && (buffer_[begin] == '{' || buffer_[begin] == '[')) {
    mark_ += buffer_.substr(0, begin);
    buffer_.erase(0, begin);
    OpenObject();
    return true;
  }
  Say(std::exchange(mark_, {}), out_.content);
  line_start_ = after_call_ = false;
  state_ = State::kContent;
  return true;
}

void ObjectParser::OpenObject() {
  scanned_ = 0;
  open_.clear();
  in_string_ = escaped_ = false;
  state_ = State::kObject;
}

// Goes on to the object's last bracket; true when it is there.
bool ObjectParser::Scan() {
  for (; scanned_ < buffer_.size(); ++scanned_) {
    const char c = buffer_[scanned_];
    if (in_string_) {
      if (!escaped_ && c == '"') in_string_ = false;
      escaped_ = !escaped_ && c == '\\';
      continue;
    }
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') open_.push_back(c);
    if ((c == '}' || c == ']') && !open_.empty()) {
      open_.pop_back();
      if (open_.empty()) return true;
    }
  }
  return false;
}

bool ObjectParser::Object(bool last) {
  // Calls begin with a key, or are a list of such.
  const size_t second = buffer_.find_first_not_of(kTagSpace, 1);
  if (second == std::string_view::npos && !last) return false;
  const bool list = buffer_[0] == '[';
  const bool may = second != std::string_view::npos && buffer_[second] == (list ? '{' : '"');
  const bool whole = may && Scan();
  if (may && !whole && !last) return false;
  size_t end = whole ? scanned_ + 1 : buffer_.size();
  std::optional<Calls> calls;
  if (may) calls = kJsonCalls.read(std::string_view(buffer_).substr(0, end), schemas_, whole);
  const bool declared =
      calls.has_value() && std::all_of(calls->begin(), calls->end(), [&](const ToolCall& call) {
        return schemas_.Declares(call.name);
      });
  if (declared) {
    for (ToolCall& call : *calls) out_.calls.push_back(std::move(call));
    spaced_.Begin();
    line_start_ = after_call_ = true;
  } else {
    // It is text: at least its bracket; the rest is looked at again.
    if (!may) end = 1;
    Say(mark_ + buffer_.substr(0, end), out_.content);
    line_start_ = after_call_ = false;
  }
  buffer_.erase(0, end);
  mark_.clear();
  state_ = State::kContent;
  return true;
}

}  // namespace ingot::text
