// Runs a tokenizer for the differential test: a list of requests in, a list of answers out, as
// JSON.
//   driver tokenizer.json
//   {"encode": ["text", ..], "special": true, "trusted": true}  ->  {"ids": [[..], ..]}
//   {"encode_hex": ["616263", ..]}: the same of any bytes
//   {"decode": [[1, 2], ..], "skip": false}  ->  {"text": ["..", ..], "stream": ["..", ..]}
// A text that cannot be encoded has an error's text in the place of its ids.
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "text/token/tokenizer.h"

namespace {

using ingot::core::Json;

std::string FromHex(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

using ingot::text::TokenId;
using ingot::text::Tokenizer;

// Ids of each text, or what was wrong with it.
Json Encode(const Tokenizer& tokenizer, const Json& request) {
  const bool hex = request.contains("encode_hex");
  ingot::text::EncodeOptions options;
  options.add_special = request.value("special", true);
  Json out = Json::array();
  for (const Json& given : request[hex ? "encode_hex" : "encode"]) {
    const std::string& string = given.get_ref<const std::string&>();
    const std::string bytes = hex ? FromHex(string) : string;
    const ingot::text::TextSegment segment{bytes, request.value("trusted", true)};
    const auto ids = tokenizer.EncodeSegments({&segment, 1}, options);
    out.push_back(ids.ok() ? Json(*ids) : Json(std::string(ids.status().message())));
  }
  return {{"ids", std::move(out)}};
}

Json Decode(const Tokenizer& tokenizer, const Json& request) {
  const bool skip = request.value("skip", false);
  Json text = Json::array();
  Json streamed = Json::array();
  for (const Json& given : request["decode"]) {
    const auto ids = given.get<std::vector<TokenId>>();
    std::string parts;
    ingot::text::TokenStream stream = tokenizer.Stream(skip);
    for (const TokenId id : ids) parts += stream.Push(id);
    parts += stream.Finish();
    text.push_back(tokenizer.Decode(ids, skip));
    streamed.push_back(std::move(parts));
  }
  return {{"text", std::move(text)}, {"stream", std::move(streamed)}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto file = ingot::core::ReadSmallFile(ingot::core::Env::Posix(), argv[1], 512 << 20);
  if (!file.ok()) {
    std::cerr << file.status().message() << "\n";
    return 1;
  }
  const auto tokenizer = Tokenizer::Load(*file);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().message() << "\n";
    return 1;
  }
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  const auto requests = ingot::core::ParseJson(input, {.max_bytes = size_t{1} << 30});
  if (!requests.ok()) {
    std::cerr << requests.status().message() << "\n";
    return 1;
  }
  Json answers = Json::array();
  for (const Json& request : *requests) {
    answers.push_back(request.contains("decode") ? Decode(**tokenizer, request)
                                                 : Encode(**tokenizer, request));
  }
  std::cout << answers.dump() << "\n";
  return 0;
}
