// Runs a tokenizer for the differential test: one request a line, one answer a line, both JSON.
//   driver tokenizer.json
//   {"encode": "text", "special": true, "trusted": true}  ->  {"ids": [..]}
//   {"encode_hex": "616263"}: the same of any bytes
//   {"decode": [1, 2], "skip": false}  ->  {"text": "..", "stream": ".."}
// or {"error": ".."} in the place of an answer.
#include <iostream>
#include <string>

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

Json Encode(const ingot::text::Tokenizer& tokenizer, const Json& request) {
  const std::string text = request.contains("encode")
                               ? request["encode"].get<std::string>()
                               : FromHex(request["encode_hex"].get<std::string>());
  ingot::text::EncodeOptions options;
  options.add_special = request.value("special", true);
  const ingot::text::TextSegment segment{text, request.value("trusted", true)};
  const auto ids = tokenizer.EncodeSegments({&segment, 1}, options);
  if (!ids.ok()) return {{"error", std::string(ids.status().message())}};
  return {{"ids", *ids}};
}

Json Decode(const ingot::text::Tokenizer& tokenizer, const Json& request) {
  const auto ids = request["decode"].get<std::vector<ingot::text::TokenId>>();
  const bool skip = request.value("skip", false);
  std::string streamed;
  ingot::text::TokenStream stream = tokenizer.Stream(skip);
  for (const ingot::text::TokenId id : ids) streamed += stream.Push(id);
  streamed += stream.Finish();
  return {{"text", tokenizer.Decode(ids, skip)}, {"stream", streamed}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto file = ingot::core::ReadSmallFile(ingot::core::Env::Posix(), argv[1], 512 << 20);
  if (!file.ok()) {
    std::cerr << file.status().message() << "\n";
    return 1;
  }
  const auto tokenizer = ingot::text::Tokenizer::Load(*file);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().message() << "\n";
    return 1;
  }
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = ingot::core::ParseJson(line);
    Json answer;
    if (!request.ok()) {
      answer = {{"error", std::string(request.status().message())}};
    } else if (!request->contains("decode")) {
      answer = Encode(**tokenizer, *request);
    } else {
      answer = Decode(**tokenizer, *request);
    }
    std::cout << answer.dump() << "\n";
  }
  return 0;
}
