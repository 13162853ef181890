#include "tests/server/api_golden.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <utility>

#include <gtest/gtest.h>

#include "core/strings.h"

namespace ingot::testing {
namespace {

using core::Json;
using core::StrCat;

struct Replacement {
  std::string_view key;
  bool (*fits)(const Json& value);
  std::string_view stands;
};
bool IsNumber(const Json& value) { return value.is_number(); }
bool IsString(const Json& value) { return value.is_string(); }
bool IsTime(const Json& value) {
  // Down to nanoseconds, or to seconds.
  return value.is_string() && (value.get_ref<const std::string&>().size() == 30 ||
                               value.get_ref<const std::string&>().size() == 20);
}
constexpr std::array kReplacements = {
    Replacement{"created", IsNumber, "SECONDS"},
    Replacement{"created_at", IsNumber, "SECONDS"},
    Replacement{"created_at", IsTime, "TIME"},
    Replacement{"modified_at", IsTime, "TIME"},
    Replacement{"expires_at", IsTime, "TIME"},
    Replacement{"total_duration", IsNumber, "NANOSECONDS"},
    Replacement{"load_duration", IsNumber, "NANOSECONDS"},
    Replacement{"prompt_eval_duration", IsNumber, "NANOSECONDS"},
    Replacement{"eval_duration", IsNumber, "NANOSECONDS"},
    Replacement{"uptime_seconds", IsNumber, "SECONDS"},
    Replacement{"digest", IsString, "DIGEST"},
    Replacement{"size", IsNumber, "BYTES"},
    Replacement{"bytes", IsNumber, "BYTES"},
    Replacement{"total", IsNumber, "BYTES"},
    Replacement{"completed", IsNumber, "BYTES"},
    Replacement{"logprob", IsNumber, "LOGPROB"},
    Replacement{"cached_tokens", IsNumber, "COUNT"},
};

// How much was known of a prompt depends on what was asked before, and when: what was read anew
// and what was cached are told as their sum.
void JoinCached(Json& json) {
  json.erase("prompt_eval_cached_count");
  json.erase("prompt_eval_miss");
  const auto cached = json.find("cache_read_input_tokens");
  if (cached == json.end()) return;
  json["input_tokens"] = json["input_tokens"].get<int>() + cached->get<int>();
  *cached = "COUNT";
}

void Normalise(Json& json);

// Completions give alternatives as numbers by token.
void HideNumbers(Json& json) {
  if (json.is_number()) json = "LOGPROB";
  if (!json.is_structured()) return;
  for (Json& one : json) HideNumbers(one);
}

void NormaliseMember(const std::string& key, Json& value) {
  for (const Replacement& one : kReplacements) {
    if (one.key == key && one.fits(value)) value = one.stands;
  }
  if (key == "token_logprobs") return HideNumbers(value);
  if (key == "top_logprobs" && value.is_array() && !value.empty() &&
      (value[0].is_null() || !value[0].contains("token"))) {
    return HideNumbers(value);
  }
  if (key == "embeddings" || key == "embedding") {
    if (value.is_string()) value = StrCat(value.get<std::string>().size(), " CHARACTERS");
    if (value.is_array() && !value.empty() && value[0].is_number()) {
      value = StrCat(value.size(), " NUMBERS");
    }
    if (!value.is_array()) return;
    for (Json& vector : value) {
      if (vector.is_array()) vector = StrCat(vector.size(), " NUMBERS");
    }
    return;
  }
  Normalise(value);
}

void Normalise(Json& json) {
  if (json.is_array()) {
    for (Json& one : json) Normalise(one);
  }
  if (!json.is_object()) return;
  JoinCached(json);
  for (auto& [key, value] : json.items()) NormaliseMember(key, value);
}

// Of the text: ids and ports stand in messages too.
std::string WithoutChance(std::string text) {
  static const std::regex kId(
      "\\b(msg_|rs_|fc_|fco_|resp_|chatcmpl-|cmpl-|req_)([0-9a-f]{24})([0-9a-f]{8})?\\b");
  static const std::regex kCall("\\bcall_[0-9A-Za-z]{8}\\b");
  static const std::regex kPort("127\\.0\\.0\\.1:[0-9]+");
  static const std::regex kDigest("(pulling|pushing) [0-9a-f]{12}\\b");
  text = std::regex_replace(text, kId, "$1ID");
  text = std::regex_replace(text, kCall, "call_ID");
  text = std::regex_replace(text, kPort, "127.0.0.1:PORT");
  return std::regex_replace(text, kDigest, "$1 DIGEST");
}

std::string Line(Json json) {
  Normalise(json);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Told(const server::ClientReply& reply) {
  const std::string_view type = reply.headers.Get("content-type");
  std::string out = StrCat(reply.status, " ", type, "\n");
  if (type.find("json") != std::string_view::npos) {
    // Of progress there is more or less, as it goes.
    std::string last;
    for (Json one : JsonLines(reply.body)) {
      std::string line = WithoutChance(Line(std::move(one)));
      if (line != last) out += line;
      last = std::move(line);
    }
  } else if (type.starts_with("text/event-stream")) {
    constexpr std::string_view kData = "data: ";
    for (const std::string_view line : core::Split(reply.body, '\n')) {
      const bool json = line.starts_with(kData) && line.substr(kData.size()).starts_with("{");
      if (json) {
        out += StrCat(kData, Line(Json::parse(line.substr(kData.size()))));
      } else if (!line.empty()) {
        out += StrCat(line, "\n");
      }
    }
  } else {
    out += StrCat(reply.body, "\n");
  }
  return WithoutChance(std::move(out));
}

void Replace(std::string& text, std::string_view what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// The id of an answer, whole or in the first event of a stream.
std::string IdOf(const std::string& body) {
  static const std::regex kId(R"re("id":"((resp_|chatcmpl-|cmpl-|msg_)[0-9a-f]+)")re");
  std::smatch found;
  return std::regex_search(body, found, kId) ? found[1].str() : "";
}

}  // namespace

std::string TellAll(const DemoServer& server, const std::vector<ApiCase>& cases) {
  std::string told;
  std::string id;
  for (const ApiCase& one : cases) {
    ApiCase asked = one;
    Replace(asked.target, "{id}", id);
    Replace(asked.body, "{id}", id);
    const server::ClientReply reply =
        server.Call(asked.method, asked.target, asked.body, asked.key);
    told +=
        StrCat("# ", one.title, "\n", MethodName(one.method), " ", one.target, " ",
               WithoutChance(one.shown.empty() ? one.body : one.shown), "\n", Told(reply), "\n");
    if (std::string found = IdOf(reply.body); !found.empty() && asked.target == one.target) {
      id = std::move(found);
    }
  }
  return told;
}

void ExpectGoldenText(std::string_view file, std::string_view told) {
  const std::string path = StrCat(INGOT_SOURCE_DIR "/tests/server/goldens/", file);
  if (std::getenv("INGOT_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << told;
    return;
  }
  std::ifstream stream(path);
  const std::string golden((std::istreambuf_iterator<char>(stream)), {});
  const auto lines = core::Split(told, '\n');
  const auto expected = core::Split(golden, '\n');
  for (size_t i = 0; i < std::max(lines.size(), expected.size()); ++i) {
    ASSERT_EQ(i < lines.size() ? lines[i] : "(nothing)",
              i < expected.size() ? expected[i] : "(nothing)")
        << path << ":" << i + 1;
  }
}

}  // namespace ingot::testing
