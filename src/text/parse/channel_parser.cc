#include "text/parse/channel_parser.h"

#include <array>
#include <optional>
#include <utility>

#include "core/strings.h"
#include "text/parse/call_formats.h"
#include "text/parse/tag_scan.h"

namespace ingot::text {
namespace {

constexpr std::string_view kMessage = "<|message|>";
constexpr std::string_view kStart = "<|start|>";

using EndTags = std::array<std::string_view, 4>;
constexpr EndTags kHarmonyEnds = {"<|end|>", "<|return|>", "<|call|>", kStart};
constexpr EndTags kGlimmerEnds = {"<|eom|>", "<|eot|>", kStart, ""};

constexpr std::array<std::string_view, 9> kTags = {kStart,          kMessage,  "<|channel|>",
                                                   "<|constrain|>", "<|end|>", "<|return|>",
                                                   "<|call|>",      "<|eom|>", "<|eot|>"};

// Longer ones are no headers.
constexpr size_t kMaxHeader = 400;

// What stands behind "to=" in a header.
std::string_view Recipient(std::string_view header) {
  const size_t at = header.find("to=");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + 3);
  return rest.substr(0, rest.find_first_of(" \t\r\n<"));
}

// What stands behind <|channel|>.
std::string_view Channel(std::string_view header) {
  constexpr std::string_view kChannel = "<|channel|>";
  const size_t at = header.find(kChannel);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + kChannel.size());
  const size_t begin = std::min(rest.find_first_not_of(kTagSpace), rest.size());
  return rest.substr(begin, rest.find_first_of(" \t\r\n<", begin) - begin);
}

}  // namespace

std::span<const std::string_view> ChannelTags() { return kTags; }

ChannelParser::ChannelParser(ChannelDialect dialect, ParserOptions options)
    : dialect_(dialect), schemas_(std::move(options.tools)) {
  if (!options.in_thinking) return;
  // The prompt wrote the header itself.
  state_ = State::kBody;
  kind_ = Kind::kThinking;
}

ParsedPiece ChannelParser::Add(std::string_view text) {
  buffer_ += text;
  while (Step(false)) {
  }
  return std::exchange(out_, {});
}

ParsedPiece ChannelParser::Finish() {
  while (Step(true)) {
  }
  if (state_ == State::kBody) EndBody();
  return std::exchange(out_, {});
}

bool ChannelParser::Step(bool last) { return state_ == State::kHeader ? Header(last) : Body(last); }

// Up to <|message|>. Text that does not begin as a header does is content.
bool ChannelParser::Header(bool last) {
  const size_t begin = std::min(buffer_.find_first_not_of(kTagSpace), buffer_.size());
  std::string_view rest = std::string_view(buffer_).substr(begin);
  if (rest.empty() && (!last || started_)) return false;
  if (rest.starts_with(kStart)) {
    buffer_.erase(0, begin + kStart.size());
    started_ = true;
    return true;
  }
  bool may = started_ || (!last && kStart.starts_with(rest));
  // The prompt has written <|start|>assistant.
  for (const std::string_view head :
       {std::string_view("<|channel|>"), std::string_view("to="), kMessage}) {
    may |= rest.starts_with(head) || (!last && head.starts_with(rest));
  }
  const size_t end = rest.substr(0, kMaxHeader).find(kMessage);
  if (may && end != std::string_view::npos) {
    OpenBody(rest.substr(0, end));
    buffer_.erase(0, begin + end + kMessage.size());
    return true;
  }
  if (may && !last && rest.size() < kMaxHeader) return false;
  OpenBody("");
  kind_ = Kind::kContent;
  return true;
}

void ChannelParser::OpenBody(std::string_view header) {
  header_ = std::string(header);
  state_ = State::kBody;
  started_ = false;
  fresh_ = true;
  call_.clear();
  const std::string_view to = Recipient(header);
  if (dialect_ == ChannelDialect::kGlimmer) {
    tool_ = std::string(to);
    kind_ = to == "self"                 ? Kind::kThinking
            : to.empty() || to == "user" ? Kind::kContent
                                         : Kind::kCall;
    return;
  }
  constexpr std::string_view kFunctions = "functions.";
  tool_ = std::string(to.starts_with(kFunctions) ? to.substr(kFunctions.size()) : to);
  const std::string_view channel = Channel(header);
  const bool call = !to.empty() && to != "user" && to != "assistant";
  kind_ = call ? Kind::kCall : channel == "analysis" ? Kind::kThinking : Kind::kContent;
}

bool ChannelParser::Body(bool last) {
  const EndTags& ends = dialect_ == ChannelDialect::kHarmony ? kHarmonyEnds : kGlimmerEnds;
  const TagHit hit = FindTag(buffer_, ends);
  const size_t end = hit.found() ? hit.at : last ? buffer_.size() : HeldFrom(buffer_, ends);
  Say(kind_, std::string_view(buffer_).substr(0, end));
  buffer_.erase(0, end);
  if (!hit.found()) return false;
  EndBody();
  buffer_.erase(0, ends[hit.which].size());
  started_ = ends[hit.which] == kStart;
  state_ = State::kHeader;
  return true;
}

void ChannelParser::Say(Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (kind == Kind::kCall) {
    call_ += text;
    return;
  }
  // Several thoughts, or several answers, stand apart.
  bool& before = kind == Kind::kThinking ? thought_ : said_;
  std::string& out = kind == Kind::kThinking ? out_.thinking : out_.content;
  if (before && fresh_) out += "\n\n";
  fresh_ = false;
  before = true;
  out += text;
}

void ChannelParser::EndBody() {
  if (kind_ != Kind::kCall) return;
  std::optional<ToolCall> call;
  if (dialect_ == ChannelDialect::kHarmony) {
    std::optional<core::Json> arguments =
        StripSpace(call_).empty() ? core::Json::object() : LenientJson(call_);
    if (arguments.has_value() && arguments->is_object() && !tool_.empty()) {
      call.emplace();
      call->name = CleanText(tool_);
      call->arguments = std::move(*arguments);
    }
  } else {
    constexpr std::string_view kOpen = "function_calls>";
    std::string_view body = StripSpace(call_);
    // <atem:function_calls> … </atem:function_calls>
    const size_t open = body.find(kOpen);
    const size_t close = body.rfind("</");
    if (body.starts_with('<') && open != std::string_view::npos &&
        close != std::string_view::npos && close > open) {
      body = body.substr(open + kOpen.size(), close - open - kOpen.size());
      if (auto calls = kInvokeCalls.read(body, schemas_, true)) {
        for (ToolCall& one : *calls) out_.calls.push_back(std::move(one));
        kind_ = Kind::kContent;
        return;
      }
    }
  }
  if (call.has_value()) {
    out_.calls.push_back(std::move(*call));
  } else {
    // None that could be read: it is said, with its header.
    Say(Kind::kContent, header_ + std::string(kMessage) + call_);
  }
  kind_ = Kind::kContent;
}

}  // namespace ingot::text
