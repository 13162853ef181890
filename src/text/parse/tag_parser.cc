#include "text/parse/tag_parser.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace ingot::text {
namespace {

// Closing tags inside the values of one call beyond which it is no call any more: reading it again
// at each would take ever longer.
constexpr int kMaxClosings = 64;
// After so many calls that were none the answer is taken for text about calls.
constexpr int kMaxFailures = 100;

}  // namespace

TagParser::TagParser(const TagStyle& style, ParserOptions options)
    : style_(style),
      schemas_(std::move(options.tools)),
      state_(options.in_thinking && !style.think_close.empty() ? State::kThinking : State::kStart),
      spaced_(state_ == State::kThinking) {}

ParsedPiece TagParser::Add(std::string_view text) {
  buffer_ += text;
  while (Step(false)) {
  }
  return std::exchange(out_, {});
}

ParsedPiece TagParser::Finish() {
  while (Step(true)) {
  }
  spaced_.Finish(state_ == State::kThinking ? out_.thinking : out_.content);
  state_ = State::kOver;
  return std::exchange(out_, {});
}

bool TagParser::Step(bool last) {
  switch (state_) {
    case State::kStart:
      return Start(last);
    case State::kThinking:
      return Thinking(last);
    case State::kContent:
      return Content(last);
    case State::kCall:
      return Call(last);
    case State::kOver:
      buffer_.clear();
      return false;
  }
  return false;
}

std::string TagParser::Taken(size_t bytes) {
  std::string taken = buffer_.substr(0, bytes);
  buffer_.erase(0, bytes);
  return taken;
}

void TagParser::Say(std::string_view text, std::string& out) {
  if (spaced_.Say(text, out)) thought_ |= &out == &out_.thinking;
}

std::array<std::string_view, 3> TagParser::OpeningTags() const {
  if (failures_ >= kMaxFailures) return {};
  return {style_.calls[0].open, style_.calls[1].open, {}};
}

// Before anything was said: an opening tag for thinking may come, or a closing one that the prompt
// had already written.
bool TagParser::Start(bool last) {
  if (StripSpace(buffer_).empty()) {
    if (!last || buffer_.empty()) return false;
    state_ = State::kContent;
    return true;
  }
  for (const std::string_view tag : {style_.think_open, style_.think_close}) {
    if (tag.empty()) continue;
    const FrontTag front = FindFrontTag(buffer_, tag);
    if (front.end > 0) {
      buffer_.erase(0, front.end);
      state_ = tag == style_.think_open ? State::kThinking : State::kContent;
      spaced_.Begin();
      return true;
    }
    if (!last && front.may_come) return false;
  }
  state_ = State::kContent;
  return true;
}

bool TagParser::Thinking(bool last) {
  // A prompt that ends inside thinking may be followed by the opening tag once more.
  if (spaced_.at_start() && !style_.think_open.empty()) {
    const FrontTag again = FindFrontTag(buffer_, style_.think_open);
    buffer_.erase(0, again.end);
    if (again.end > 0) return true;
    if (!last && again.may_come) return false;
  }
  std::array<std::string_view, 3> tags = {};
  if (style_.call_ends_thinking) tags = OpeningTags();
  tags[2] = style_.think_close;
  const TagHit hit = FindTag(buffer_, tags);
  if (!hit.found()) {
    Say(Taken(last ? buffer_.size() : HeldFrom(buffer_, tags)), out_.thinking);
    return false;
  }
  Say(Taken(hit.at), out_.thinking);
  if (hit.which < style_.calls.size()) {
    EnterCall(style_.calls[hit.which], true);
    return true;
  }
  buffer_.erase(0, style_.think_close.size());
  spaced_.Begin();
  state_ = State::kContent;
  return true;
}

// False while it is open whether a call's tail follows.
bool TagParser::SkipTail(bool last) {
  const size_t begin = std::min(buffer_.find_first_not_of(kTagSpace), buffer_.size());
  const std::string_view rest = std::string_view(buffer_).substr(begin);
  if (!last && rest.size() < tail_.size() && tail_.starts_with(rest)) return false;
  if (rest.starts_with(tail_)) buffer_.erase(0, begin + tail_.size());
  tail_ = {};
  return true;
}

bool TagParser::Content(bool last) {
  if (!tail_.empty() && !SkipTail(last)) return false;
  const auto open = OpeningTags();
  const std::string_view again = style_.thinks_again ? style_.think_open : std::string_view();
  const std::string_view tags[] = {open[0],           open[1],           again,
                                   style_.dropped[0], style_.dropped[1], style_.dropped[2],
                                   style_.dropped[3], style_.stops[0],   style_.stops[1]};
  const TagHit hit = FindTag(buffer_, tags);
  const size_t held = last ? buffer_.size() : HeldFrom(buffer_, tags);
  // What is held may also be a longer tag than the one that was found.
  if (!hit.found() || held <= hit.at) {
    Say(Taken(held), out_.content);
    return false;
  }
  Say(Taken(hit.at), out_.content);
  if (hit.which < style_.calls.size()) {
    EnterCall(style_.calls[hit.which], false);
    return true;
  }
  buffer_.erase(0, tags[hit.which].size());
  if (hit.which == style_.calls.size()) {
    spaced_.Begin(thought_ ? "\n\n" : "");  // between this thought and the one before
    state_ = State::kThinking;
    return true;
  }
  if (hit.which >= std::size(tags) - style_.stops.size()) {
    spaced_.Drop();
    state_ = State::kOver;
  }
  return true;
}

// The opening tag stays in the buffer until it is known what it opened.
void TagParser::EnterCall(const CallTags& tags, bool from_thinking) {
  call_ = &tags;
  from_thinking_ = from_thinking;
  scanned_ = tags.open.size();
  closings_ = 0;
  state_ = State::kCall;
}

bool TagParser::Call(bool last) {
  const size_t begin = call_->keep_tags ? 0 : call_->open.size();
  if (!call_->format->may_become(std::string_view(buffer_).substr(begin))) return NoCall(true);
  // Thinking that ends before the call does was thinking about calls.
  const std::string_view tags[] = {call_->close,
                                   from_thinking_ ? style_.think_close : std::string_view()};
  const TagHit hit = FindTag(buffer_, tags, scanned_);
  if (!hit.found()) {
    scanned_ = std::max(scanned_, HeldFrom(buffer_, tags));
    return last && ReadCall(buffer_.size(), false);
  }
  const std::string_view before = std::string_view(buffer_).substr(begin, hit.at - begin);
  if (closings_ < kMaxClosings && call_->format->inside_value(before)) {
    ++closings_;
    scanned_ = hit.at + tags[hit.which].size();
    return true;
  }
  return hit.which == 0 ? ReadCall(hit.at, true) : NoCall(true);
}

bool TagParser::ReadCall(size_t body_end, bool finished) {
  const size_t end = finished ? body_end + call_->close.size() : body_end;
  const std::string_view all = buffer_;
  const size_t open = call_->open.size();
  const std::string_view body =
      call_->keep_tags ? all.substr(0, end) : all.substr(open, body_end - open);
  std::optional<Calls> calls = call_->format->read(body, schemas_, finished);
  if (!calls.has_value()) return NoCall(false);
  for (ToolCall& call : *calls) out_.calls.push_back(std::move(call));
  buffer_.erase(0, end);
  tail_ = call_->tail;
  spaced_.Begin();
  state_ = State::kContent;
  return true;
}

// It was none: its opening tag is text, with the white space before it, and what follows is looked
// at again. talk: nobody tried to call anything, and thinking goes on.
bool TagParser::NoCall(bool talk) {
  ++failures_;
  const std::string tag = Taken(call_->open.size());
  if (talk && from_thinking_) {
    state_ = State::kThinking;
    Say(tag, out_.thinking);
    return true;
  }
  if (from_thinking_) spaced_.Drop();
  spaced_.Keep();
  state_ = State::kContent;
  Say(tag, out_.content);
  return true;
}

}  // namespace ingot::text
