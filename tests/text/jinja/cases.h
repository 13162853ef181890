// The cases that our template engine and jinja2 are both fed: the same files and the same order as
// tools/reference/jinja_reference.py.
#ifndef INGOT_TESTS_TEXT_JINJA_CASES_H_
#define INGOT_TESTS_TEXT_JINJA_CASES_H_

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/json.h"
#include "core/sha256.h"
#include "text/jinja/template.h"

namespace ingot::text::jinja::testing {

inline const std::filesystem::path kCases =
    std::filesystem::path(INGOT_SOURCE_DIR) / "tests/text/jinja";

inline std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline core::Json ReadJson(const std::filesystem::path& path) {
  auto json = core::ParseJson(ReadText(path));
  EXPECT_TRUE(json.ok()) << path << ": " << json.status().message();
  return json.ok() ? *json : core::Json();
}

inline std::vector<std::filesystem::path> TemplatesIn(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".jinja") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline Context ContextOf(const core::Json& variables) {
  Context context;
  for (const auto& [name, value] : variables.items()) {
    context.emplace_back(name, FromJson(value, Origin::kUser));
  }
  return context;
}

// Every conversation, without and with tools, with and without a generation prompt, for each set of
// options.
inline std::vector<core::Json> Matrix() {
  const auto conversations = ReadJson(kCases / "data/conversations.json");
  const auto tools = ReadJson(kCases / "data/tools.json");
  const auto options = ReadJson(kCases / "data/options.json");
  std::vector<core::Json> cases;
  for (const auto& [name, messages] : conversations.items()) {
    for (const core::Json& offered : {core::Json(), tools}) {
      for (bool prompt : {true, false}) {
        for (const core::Json& option : options) {
          core::Json variables = {{"bos_token", "<s>"},       {"eos_token", "</s>"},
                                  {"unk_token", "<unk>"},     {"pad_token", "<pad>"},
                                  {"messages", messages},     {"tools", offered},
                                  {"documents", core::Json()}};
          variables["add_generation_prompt"] = prompt;
          variables.update(option);
          cases.push_back(std::move(variables));
        }
      }
    }
  }
  return cases;
}

inline constexpr int64_t kNow = 1'700'000'000'000'000'000;

// The text, or the error where parsing or rendering fails.
inline core::Result<std::string> RenderSource(const core::Result<Template>& parsed,
                                              const core::Json& variables) {
  if (!parsed.ok()) return parsed.status();
  auto text = parsed->Render(ContextOf(variables), {.limits = {}, .wall_ns = kNow});
  if (!text.ok()) return text.status();
  return std::string(text->view());
}

inline std::string ShortDigest(std::string_view text) {
  return core::HexLower(core::Sha256::Of(std::as_bytes(std::span(text)))).substr(0, 16);
}

// The digest of the text, or of what the template said when it refused the conversation, where that
// is what the reference has: an error's place stands in front of it.
inline std::string DigestOf(const core::Result<std::string>& text, std::string_view expected) {
  if (text.ok()) return ShortDigest(*text);
  if (!expected.starts_with("raised-")) return "refused";
  const core::Status refusal = text.status();
  const std::string_view message = refusal.message();
  const size_t place = message.find(", column ");
  if (place == message.npos) return "refused";
  const size_t end = message.find(": ", place);
  if (end == message.npos) return "refused";
  return "raised-" + ShortDigest(message.substr(end + 2));
}

// Snippets stand one a line, or between lines of three equal signs.
inline std::vector<std::string> Snippets(std::string text) {
  std::vector<std::string> snippets;
  const bool blocks = text.find("\n===\n") != text.npos;
  if (text.ends_with('\n')) text.pop_back();
  const std::string separator = blocks ? "\n===\n" : "\n";
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    const std::string snippet = text.substr(at, end - at);
    snippets.push_back(blocks ? snippet : "{{ " + snippet + " }}");
    at = end + separator.size();
  }
  return snippets;
}

}  // namespace ingot::text::jinja::testing

#endif  // INGOT_TESTS_TEXT_JINJA_CASES_H_
