// Debian's docker-registry on loopback, over a folder of the test's, with an authorization server
// of the test that signs its tokens for one user, "me" with the password "secret".
#ifndef INGOT_TESTS_REGISTRY_DOCKER_REGISTRY_H_
#define INGOT_TESTS_REGISTRY_DOCKER_REGISTRY_H_

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "store/store.h"
#include "tests/registry/test_server.h"
#include "tests/testing/child_process.h"

namespace ingot::testing {

// That nobody listens on now.
uint16_t FreePort();

class DockerRegistry {
 public:
  // Throws when it does not start. folder: made by the test, for its files.
  explicit DockerRegistry(const std::filesystem::path& folder);
  ~DockerRegistry();

  std::string Host() const { return "127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }
  // A netrc file with the login.
  std::filesystem::path netrc() const { return folder_ / "netrc"; }
  // Lays a model down as the registry's file system driver keeps it, as me/m:latest.
  void Lay(const store::Store& source, const store::StoredModel& model);

  std::atomic<bool> grants{true};  // tokens are good for what they were asked for
  int tokens() const { return tokens_.load(); }

 private:
  void Authorize(const ServerRequest& request, ServerConnection& connection);

  const std::filesystem::path folder_;
  const TestServer::Certificate certificate_;
  const uint16_t port_;
  std::atomic<int> tokens_{0};
  TestServer auth_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_REGISTRY_DOCKER_REGISTRY_H_
