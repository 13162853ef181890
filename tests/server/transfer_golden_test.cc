// /api/push and /api/pull against registries of the test's, in goldens/transfer.txt: the order of
// the lines, what they say, and every way that it ends.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/registry/registry_fixture.h"
#include "tests/registry/upload_registry.h"
#include "tests/server/api_golden.h"

namespace ingot::server {
namespace {

using core::StrCat;
using registry::FakeRegistry;
using registry::UploadRegistry;
using testing::ApiCase;
using testing::ServerConnection;
using testing::ServerRequest;

constexpr Method kPost = Method::kPost;
constexpr Method kDelete = Method::kDelete;

std::string Body(const std::string& name, std::string_view more = "") {
  return StrCat(R"({"model":")", name, R"(","insecure":true)", more, "}");
}

std::vector<ApiCase> Pushes(const UploadRegistry& to) {
  const std::string name = to.Name();
  return {
      {"a name at the registry", kPost, "/api/copy",
       StrCat(R"({"source":"demo","destination":")", name, R"("})")},
      {"push", kPost, "/api/push", Body(name)},
      {"push what is all there", kPost, "/api/push", Body(name)},
      {"push, whole", kPost, "/api/push", Body(name, R"(,"stream":false)")},
      {"delete it here", kDelete, "/api/delete", StrCat(R"({"model":")", name, R"("})")},
      {"push what is not here any more", kPost, "/api/push", Body(name)},
      {"another name at the registry", kPost, "/api/copy",
       StrCat(R"({"source":"demo","destination":")", to.Name("no/entry:latest"), R"("})")},
      {"push where nobody may", kPost, "/api/push", Body(to.Name("no/entry:latest"))},
      {"push where nobody may, whole", kPost, "/api/push",
       Body(to.Name("no/entry:latest"), R"(,"stream":false)")},
      {"delete that", kDelete, "/api/delete",
       StrCat(R"({"model":")", to.Name("no/entry:latest"), R"("})")},
      {"push nothing", kPost, "/api/push", "{}"},
      {"push with a password", kPost, "/api/push", R"({"model":"demo","password":"x"})"},
      {"push with an unknown field", kPost, "/api/push", R"({"model":"demo","insecur":true})"},
      {"push what is not here", kPost, "/api/push", R"({"model":"none"})"},
  };
}

std::vector<ApiCase> Pulls(const FakeRegistry& from) {
  const std::string name = from.Name();
  return {
      {"pull", kPost, "/api/pull", Body(name)},
      {"pull what is all here", kPost, "/api/pull", Body(name)},
      {"pull, whole", kPost, "/api/pull", Body(name, R"(,"stream":false)")},
      {"ask what was pulled", kPost, "/api/chat",
       StrCat(R"({"model":")", name, R"(","messages":[{"role":"user","content":"What is 2+2?"}],)",
              R"("stream":false,"think":false,"options":{"temperature":0,"num_predict":8}})")},
      {"delete it", kDelete, "/api/delete", StrCat(R"({"model":")", name, R"("})")},
      {"pull what the registry does not have", kPost, "/api/pull", Body(from.Name("me/m:none"))},
      {"the same, whole", kPost, "/api/pull", Body(from.Name("me/m:none"), R"(,"stream":false)")},
      {"pull a manifest that is none", kPost, "/api/pull", Body(from.Name("me/broken:latest"))},
      {"pull nothing", kPost, "/api/pull", "{}"},
      {"pull no name", kPost, "/api/pull", R"({"model":"a b"})"},
      {"pull with a user", kPost, "/api/pull", R"({"model":"demo","username":"x"})"},
      {"pull with an unknown field", kPost, "/api/pull", R"({"model":"demo","strem":true})"},
  };
}

TEST(TransferGoldenTest, ModelsArePushedAndPulledWithProgress) {
  const testing::DemoServer server;
  UploadRegistry to;
  to.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (!request.target.starts_with("/v2/no/entry/")) return false;
    connection.Answer(403, {{"content-type", "application/json"}},
                      R"({"errors":[{"code":"DENIED","message":"not yours"}]})");
    return true;
  };
  std::string told = testing::TellAll(server, Pushes(to));

  FakeRegistry from;
  from.Serve(testing::DemoStore(), *store::ModelName::Parse("demo"));
  from.before = [](const ServerRequest& request, ServerConnection& connection) {
    if (!request.target.starts_with("/v2/me/broken/")) return false;
    connection.Answer(200, {{"content-type", "application/json"}}, R"({"layers":"all"})");
    return true;
  };
  told += testing::TellAll(server, Pulls(from));
  testing::ExpectGoldenText("transfer.txt", told);
}

}  // namespace
}  // namespace ingot::server
