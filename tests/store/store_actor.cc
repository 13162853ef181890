// A process that does one thing to a store, for tests of what several do to it at once:
//
//   store_actor ROOT write NAME SEED TENSORS ELEMENTS   writes a model
//   store_actor ROOT write-slowly NAME SEED             writes its blobs, says "ready", waits for a
//                                                       line on standard input, commits
//   store_actor ROOT build NAME                         the same under the name's lock, which it
//                                                       does not wait for
//   store_actor ROOT lease NAME                         says "ready", holds the model until a line
//                                                       or the end of standard input
//   store_actor ROOT rm NAME | gc | verify
//
// Prints "error: …" and exits 1 when it fails; "busy" and 3 when the name is locked.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "store/blob_writer.h"
#include "store/gc.h"
#include "store/lease.h"
#include "store/remove.h"
#include "store/session.h"
#include "store/verify.h"
#include "tests/store/store_fixture.h"

namespace ingot::store {
namespace {

using core::Status;

void SayReadyAndWait() {
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

Status WriteSlowly(const Store& store, const std::string& name, int seed) {
  INGOT_ASSIGN(const ModelName parsed, ModelName::Parse(name));
  INGOT_ASSIGN(const std::unique_ptr<WriteSession> session, WriteSession::Begin(store));
  INGOT_ASSIGN(const BlobInfo config, session->PutBlob("{}"));
  INGOT_ASSIGN(const BlobInfo tensor,
               session->PutBlob(TensorBlob("w", 64, static_cast<float>(seed))));
  SayReadyAndWait();
  const Manifest manifest{
      .config = {std::string(kConfigMediaType), config.digest, config.size, "", ""},
      .layers = {{std::string(kTensorMediaType), tensor.digest, tensor.size, "", "w"}}};
  return session->Commit(parsed, manifest).status();
}

Status Build(const Store& store, const std::string& name) {
  INGOT_ASSIGN(const ModelName parsed, ModelName::Parse(name));
  INGOT_ASSIGN(const LockHandle lock,
               LockName(store.env(), store.layout(), parsed, /*wait=*/false));
  return WriteSlowly(store, name, 1);
}

Status Lease(const Store& store, const std::string& name) {
  INGOT_ASSIGN(const ModelName parsed, ModelName::Parse(name));
  INGOT_ASSIGN(const ModelLease lease, ModelLease::Take(store, parsed));
  if (!lease.protects()) return core::Internal("the lease does not protect");
  SayReadyAndWait();
  return Status::Ok();
}

Status Verify(const Store& store) {
  const auto sink = core::MakeNullSink();
  INGOT_ASSIGN(const VerifyReport report, VerifyStore(store, {}, *sink));
  return report.Clean() ? Status::Ok() : core::Corrupt("not clean");
}

Status Act(const Store& store, const std::vector<std::string>& args) {
  const auto is = [&](std::string_view verb, size_t count) {
    return args.size() == count && args[1] == verb;
  };
  if (is("write", 6)) {
    return WriteModel(store, args[2],
                      {std::stoi(args[3]), std::stoul(args[4]), std::stoul(args[5])})
        .status();
  }
  if (is("write-slowly", 4)) return WriteSlowly(store, args[2], std::stoi(args[3]));
  if (is("build", 3)) return Build(store, args[2]);
  if (is("lease", 3)) return Lease(store, args[2]);
  if (is("rm", 3)) {
    INGOT_ASSIGN(const ModelName name, ModelName::Parse(args[2]));
    return RemoveModel(store, name).status();
  }
  if (is("gc", 2)) return CollectGarbage(store, {.min_age_ns = 0}).status();
  if (is("verify", 2)) return Verify(store);
  return core::InvalidArgument("see the top of store_actor.cc");
}

}  // namespace
}  // namespace ingot::store

int main(int argc, char** argv) {
  using namespace ingot;
  const std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() < 2) return 2;
  const store::Store store(core::Env::Posix(), core::Clock::System(), args[0]);
  const core::Status status = store::Act(store, args);
  if (status.ok()) return 0;
  if (status.code() == core::Code::kBusy) {
    std::puts("busy");
    return 3;
  }
  std::printf("error: %s\n", std::string(status.message()).c_str());
  return 1;
}
