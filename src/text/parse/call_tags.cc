// Calls in XML-like tags. None of it is XML: values stand as they are, tags and all.
#include <array>

#include "core/strings.h"
#include "text/parse/call_formats.h"
#include "text/parse/tag_scan.h"

namespace ingot::text {
namespace {

// Loses one line end at each side.
std::string_view WithoutLineEnds(std::string_view text) {
  if (text.starts_with("\r\n")) text.remove_prefix(1);
  if (text.starts_with('\n')) text.remove_prefix(1);
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// Where a value ends: at the first closing tag behind which the next value or the end stands, for
// values may contain closing tags. npos: nowhere.
size_t ValueEnd(std::string_view text, std::string_view close, std::string_view next,
                std::string_view end, size_t from) {
  for (size_t at = from; (at = text.find(close, at)) != std::string_view::npos;
       at += close.size()) {
    const std::string_view rest = StripSpace(text.substr(at + close.size()));
    if (rest.empty() || rest.starts_with(next) || rest.starts_with(end)) return at;
  }
  return std::string_view::npos;
}

// Whether the text ends in a value that was opened and not closed.
bool InsideLast(std::string_view body, std::string_view open, std::string_view close) {
  const size_t last = body.rfind(open);
  return last != std::string_view::npos && body.find(close, last) == std::string_view::npos;
}

std::string_view WithoutLeadingSpace(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kTagSpace), text.size()));
}

// Whether the text begins with the tag, or breaks off in it.
bool MayBegin(std::string_view text, std::string_view tag) {
  return text.starts_with(tag) || tag.starts_with(text);
}

std::optional<ToolCall> OneFunction(std::string_view& text, const ToolSchemas& schemas,
                                    bool finished) {
  constexpr std::string_view kParameter = "<parameter=";
  constexpr std::string_view kEnd = "</function>";
  const size_t name_end = text.find('>');
  if (name_end == std::string_view::npos) return std::nullopt;
  ToolCall call;
  call.name = CleanText(StripSpace(text.substr(0, name_end)));
  if (call.name.empty() || call.name.find('<') != std::string_view::npos) return std::nullopt;
  size_t at = name_end + 1;
  while (true) {
    at = text.find_first_not_of(kTagSpace, at);
    if (at == std::string_view::npos) {
      // Its own closing tag is missing: no harm where the call's is there.
      if (!finished && !schemas.Complete(call.name, call.arguments)) return std::nullopt;
      text = {};
      return call;
    }
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kEnd)) {
      text.remove_prefix(at + kEnd.size());
      return call;
    }
    if (!rest.starts_with(kParameter)) return std::nullopt;
    const size_t key_end = text.find('>', at);
    if (key_end == std::string_view::npos) return std::nullopt;
    const std::string_view key =
        StripSpace(text.substr(at + kParameter.size(), key_end - at - kParameter.size()));
    if (key.empty() || call.arguments.size() >= kMaxArguments) return std::nullopt;
    const size_t end = ValueEnd(text, "</parameter>", kParameter, kEnd, key_end + 1);
    if (end == std::string_view::npos) return std::nullopt;
    call.arguments[CleanText(key)] = TypedValue(
        schemas, call.name, key, WithoutLineEnds(text.substr(key_end + 1, end - key_end - 1)));
    at = end + std::string_view("</parameter>").size();
  }
}

std::optional<Calls> ReadFunctions(std::string_view body, const ToolSchemas& schemas,
                                   bool finished) {
  constexpr std::string_view kFunction = "<function=";
  Calls calls;
  std::string_view rest = StripSpace(body);
  while (rest.starts_with(kFunction)) {
    rest.remove_prefix(kFunction.size());
    std::optional<ToolCall> call = OneFunction(rest, schemas, finished);
    if (!call.has_value()) return std::nullopt;
    calls.push_back(std::move(*call));
    rest = StripSpace(rest);
  }
  if (calls.empty() || !rest.empty()) return std::nullopt;
  return calls;
}

bool MayBeFunctions(std::string_view body) {
  return MayBegin(WithoutLeadingSpace(body), "<function=");
}

bool InsideParameter(std::string_view body) {
  return InsideLast(body, "<parameter=", "</parameter>");
}

bool LooksLikeJson(std::string_view body) {
  const std::string_view text = WithoutLeadingSpace(body);
  return text.starts_with('{') || text.starts_with('[');
}

bool MayBeJsonOrFunctions(std::string_view body) {
  return LooksLikeJson(body) || MayBeFunctions(body);
}

std::optional<Calls> ReadJsonOrFunctions(std::string_view body, const ToolSchemas& schemas,
                                         bool finished) {
  return LooksLikeJson(body) ? kJsonCalls.read(body, schemas, finished)
                             : ReadFunctions(body, schemas, finished);
}

bool InsideJsonOrFunctions(std::string_view body) {
  return LooksLikeJson(body) ? kJsonCalls.inside_value(body) : InsideParameter(body);
}

// Pairs of key and value behind a name.
std::optional<ToolCall> ReadPairs(std::string_view body, const ToolSchemas& schemas,
                                  bool finished) {
  constexpr std::string_view kKey = "<arg_key>";
  constexpr std::string_view kKeyEnd = "</arg_key>";
  constexpr std::string_view kValue = "<arg_value>";
  constexpr std::string_view kValueEnd = "</arg_value>";
  ToolCall call;
  size_t at = std::min(body.find(kKey), body.size());
  call.name = CleanText(StripSpace(body.substr(0, at)));
  if (call.name.empty() || call.name.find_first_of("<>{}\n") != std::string_view::npos) {
    return std::nullopt;
  }
  while ((at = body.find_first_not_of(kTagSpace, at)) != std::string_view::npos) {
    if (!body.substr(at).starts_with(kKey)) return std::nullopt;
    const size_t key_end = body.find(kKeyEnd, at);
    if (key_end == std::string_view::npos) return std::nullopt;
    const std::string_view key =
        StripSpace(body.substr(at + kKey.size(), key_end - at - kKey.size()));
    const size_t value = body.find_first_not_of(kTagSpace, key_end + kKeyEnd.size());
    if (key.empty() || call.arguments.size() >= kMaxArguments || value == std::string_view::npos ||
        !body.substr(value).starts_with(kValue)) {
      return std::nullopt;
    }
    const size_t begin = value + kValue.size();
    const size_t end = ValueEnd(body, kValueEnd, kKey, "</tool_call>", begin);
    if (end == std::string_view::npos) return std::nullopt;
    call.arguments[CleanText(key)] =
        JsonUnlessString(schemas, call.name, key, body.substr(begin, end - begin));
    at = end + kValueEnd.size();
  }
  if (!finished && !schemas.Complete(call.name, call.arguments)) return std::nullopt;
  return call;
}

std::optional<Calls> ReadArgPairs(std::string_view body, const ToolSchemas& schemas,
                                  bool finished) {
  std::optional<ToolCall> call = ReadPairs(body, schemas, finished);
  if (!call.has_value()) return std::nullopt;
  return Calls{std::move(*call)};
}

// A name, and the first pair or the end behind it.
bool MayBePairs(std::string_view body) {
  constexpr size_t kMaxName = 256;
  const std::string_view text = WithoutLeadingSpace(body);
  const size_t end = std::min(text.find('<'), text.size());
  const std::string_view name = StripSpace(text.substr(0, end));
  if (name.size() > kMaxName || name.find_first_of(">{}\n") != std::string_view::npos) return false;
  if (end == text.size()) return true;
  const std::string_view rest = text.substr(end);
  return !name.empty() && (MayBegin(rest, "<arg_key>") || MayBegin(rest, "</tool_call>"));
}

bool InsideArgValue(std::string_view body) {
  return InsideLast(body, "<arg_value>", "</arg_value>");
}

// What other assistants' tools are called that do the same.
struct Alias {
  std::string_view said;
  std::string_view meant;
};
constexpr std::array<Alias, 10> kAliases = {{{"read_file", "read"},
                                             {"write_file", "write"},
                                             {"create_file", "write"},
                                             {"edit_file", "edit"},
                                             {"list_directory", "list"},
                                             {"list_files", "list"},
                                             {"search_files", "grep"},
                                             {"run_command", "bash"},
                                             {"execute_command", "bash"},
                                             {"shell", "bash"}}};

std::optional<Calls> ReadLaguna(std::string_view body, const ToolSchemas& schemas, bool finished) {
  std::optional<Calls> calls = LooksLikeJson(body) ? kJsonCalls.read(body, schemas, finished)
                                                   : ReadArgPairs(body, schemas, finished);
  if (!calls.has_value()) return std::nullopt;
  for (ToolCall& call : *calls) {
    if (schemas.Declares(call.name)) continue;
    for (const Alias& alias : kAliases) {
      if (call.name == alias.said && schemas.Declares(alias.meant)) call.name = alias.meant;
    }
  }
  return calls;
}

bool MayBeLaguna(std::string_view body) { return LooksLikeJson(body) || MayBePairs(body); }

bool InsideLagunaValue(std::string_view body) {
  return LooksLikeJson(body) ? kJsonCalls.inside_value(body) : InsideArgValue(body);
}

// The value of name="…" in an opening tag.
std::string_view NameIn(std::string_view tag) {
  const size_t at = tag.find("name=\"");
  if (at == std::string_view::npos) return {};
  const size_t end = tag.find('"', at + 6);
  return end == std::string_view::npos ? std::string_view() : tag.substr(at + 6, end - at - 6);
}

std::optional<Calls> ReadInvokes(std::string_view body, const ToolSchemas& schemas, bool) {
  Calls calls;
  std::string_view rest = StripSpace(body);
  if (!rest.starts_with('<')) return std::nullopt;
  // Tags may have a prefix: <atem:invoke …>.
  const size_t invoke = rest.find("invoke ");
  if (invoke == std::string_view::npos) return std::nullopt;
  const std::string prefix(rest.substr(1, invoke - 1));
  if (prefix.find_first_of("<> \n") != std::string_view::npos) return std::nullopt;
  const std::string open = "<" + prefix + "invoke ";
  const std::string close = "</" + prefix + "invoke>";
  const std::string parameter = "<" + prefix + "parameter ";
  const std::string parameter_end = "</" + prefix + "parameter>";
  while (rest.starts_with(open)) {
    const size_t tag_end = rest.find('>');
    if (tag_end == std::string_view::npos) return std::nullopt;
    ToolCall call;
    call.name = CleanText(NameIn(rest.substr(0, tag_end)));
    if (call.name.empty()) return std::nullopt;
    rest = StripSpace(rest.substr(tag_end + 1));
    while (rest.starts_with(parameter)) {
      const size_t key_end = rest.find('>');
      if (key_end == std::string_view::npos) return std::nullopt;
      const std::string_view key = NameIn(rest.substr(0, key_end));
      const size_t end = ValueEnd(rest, parameter_end, parameter, close, key_end + 1);
      if (key.empty() || end == std::string_view::npos || call.arguments.size() >= kMaxArguments) {
        return std::nullopt;
      }
      call.arguments[CleanText(key)] =
          TypedValue(schemas, call.name, key, rest.substr(key_end + 1, end - key_end - 1));
      rest = StripSpace(rest.substr(end + parameter_end.size()));
    }
    if (!rest.starts_with(close)) return std::nullopt;
    calls.push_back(std::move(call));
    rest = StripSpace(rest.substr(close.size()));
  }
  if (calls.empty() || !rest.empty()) return std::nullopt;
  return calls;
}

bool MayBeInvokes(std::string_view body) {
  const std::string_view text = WithoutLeadingSpace(body);
  return text.empty() || text.starts_with('<');
}

bool InsideInvoke(std::string_view body) {
  return InsideLast(body, "parameter name=", "parameter>");
}

}  // namespace

const CallFormat kFunctionTagCalls = {MayBeFunctions, ReadFunctions, InsideParameter};
const CallFormat kJsonOrTagCalls = {MayBeJsonOrFunctions, ReadJsonOrFunctions,
                                    InsideJsonOrFunctions};
const CallFormat kArgPairCalls = {MayBePairs, ReadArgPairs, InsideArgValue};
const CallFormat kLagunaCalls = {MayBeLaguna, ReadLaguna, InsideLagunaValue};
const CallFormat kInvokeCalls = {MayBeInvokes, ReadInvokes, InsideInvoke};

}  // namespace ingot::text
