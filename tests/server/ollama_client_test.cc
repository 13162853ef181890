// The official `ollama` Python package against a server on the trained model.
#include <string>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "tests/server/demo_server.h"
#include "tests/testing/python.h"

namespace ingot::server {
namespace {

TEST(OllamaClientTest, TheOfficialPackageDrivesEveryEndpoint) {
  testing::DemoServer server;
  const testing::PythonRun run = testing::RunPython(
      "tests/server/ollama_client.py", {core::StrCat("http://127.0.0.1:", server.port())});
  EXPECT_EQ(run.exit_code, 0) << run.output;
  EXPECT_NE(run.output.find("all endpoints answered"), std::string::npos) << run.output;
}

}  // namespace
}  // namespace ingot::server
