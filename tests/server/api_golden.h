// Requests to a running server and what it answers, as text that is kept in tests/server/goldens.
// INGOT_UPDATE_GOLDENS=1 writes the files anew, to be looked through and committed.
#ifndef INGOT_TESTS_SERVER_API_GOLDEN_H_
#define INGOT_TESTS_SERVER_API_GOLDEN_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/http_types.h"
#include "tests/server/demo_server.h"

namespace ingot::testing {

struct ApiCase {
  std::string title;
  server::Method method = server::Method::kGet;
  // "{id}" stands for the id of the answer before it, in the body too.
  std::string target;
  std::string body = {};
  std::string key = {};
  std::string shown = {};  // instead of a body that is long, or no text
};

// Every request with its status, its kind of content and its body. What differs from run to run
// (times, durations, random ids, ports, what was cached) is replaced by what it is.
std::string TellAll(const DemoServer& server, const std::vector<ApiCase>& cases);

// Fails at the first line that is not the golden file's.
void ExpectGoldenText(std::string_view file, std::string_view told);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_SERVER_API_GOLDEN_H_
