#include "import/config_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/json.h"
#include "core/python_json.h"
#include "core/strings.h"
#include "store/json_text.h"

namespace ingot::import {
namespace {

using core::Result;
using core::StrCat;

constexpr std::string_view kBlocks[] = {"quantization", "quantization_config",
                                        "compression_config"};
constexpr std::string_view kNested = "text_config";

// Where the members of an object stand in its text.
struct Member {
  std::string key;
  size_t begin = 0;  // of the key's opening quote
  size_t value_begin = 0;
  size_t end = 0;  // behind the value
};
struct Layout {
  size_t open = 0;  // of the brace
  std::vector<Member> members;
};

Result<Layout> FindMembers(std::string_view text) {
  const std::string masked = core::MaskSpecialFloats(text);
  core::JsonReader reader(masked);
  Layout layout;
  layout.open = text.find('{');
  INGOT_TRY(reader.BeginObject());
  while (true) {
    // Only blanks and a comma lie between here and the key.
    const size_t begin = text.find('"', reader.offset());
    INGOT_ASSIGN(const auto key, reader.NextKey());
    if (!key) break;
    Member member{.key = std::string(*key), .begin = begin, .value_begin = 0, .end = 0};
    INGOT_ASSIGN(const std::string_view value, reader.RawValue());
    member.value_begin = static_cast<size_t>(value.data() - masked.data());
    member.end = member.value_begin + value.size();
    layout.members.push_back(std::move(member));
  }
  INGOT_TRY(reader.End());
  return layout;
}

Result<std::string> Strip(std::string_view text, bool nested) {
  INGOT_ASSIGN(const Layout layout, FindMembers(text));
  const std::vector<Member>& members = layout.members;
  std::string result;
  size_t done = 0;  // of text
  std::optional<size_t> last_kept;
  for (size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    const bool drop = std::ranges::find(kBlocks, member.key) != std::end(kBlocks);
    if (drop) {
      result += text.substr(done, member.begin - done);
      done = i + 1 < members.size() ? members[i + 1].begin : member.end;
      continue;
    }
    if (member.key == kNested && !nested && text[member.value_begin] == '{') {
      INGOT_ASSIGN(const std::string inner,
                   Strip(text.substr(member.value_begin, member.end - member.value_begin), true));
      result += text.substr(done, member.value_begin - done);
      result += inner;
    } else {
      result += text.substr(done, member.end - done);
    }
    done = member.end;
    last_kept = result.size();
  }
  // With the last members gone, the comma and the blanks behind the last that is kept go too.
  const bool tail_dropped =
      !members.empty() && last_kept && done == members.back().end && result.size() > *last_kept;
  if (tail_dropped) result.resize(*last_kept);
  result += text.substr(done);
  return result;
}

}  // namespace

Result<std::string> WithoutQuantization(std::string_view config) {
  return Strip(config, false).Context("config.json");
}

Result<std::string> WithMember(std::string_view config, std::string_view key,
                               std::string_view value) {
  INGOT_ASSIGN(const Layout layout, FindMembers(config).Context("config.json"));
  std::string member;
  store::AppendJsonString(member, key);
  member += StrCat(": ", value);
  if (layout.members.empty()) {
    return StrCat(config.substr(0, layout.open + 1), member, config.substr(layout.open + 1));
  }
  // The blanks in front of the first member stand behind the new one as well.
  const size_t first = layout.members.front().begin;
  const std::string_view blanks = config.substr(layout.open + 1, first - layout.open - 1);
  return StrCat(config.substr(0, first), member, ",", blanks, config.substr(first));
}

}  // namespace ingot::import
