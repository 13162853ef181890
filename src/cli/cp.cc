// `ingot cp`: a second name for a model.
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/store_access.h"
#include "core/strings.h"
#include "store/copy.h"

namespace ingot::cli {
namespace {

struct CopyOptions {
  std::string from, to;
  bool json = false;
};

core::Status Copy(Session& session, const CopyOptions& options) {
  INGOT_ASSIGN(const store::ModelName from, store::ModelName::Parse(options.from));
  INGOT_ASSIGN(const store::ModelName to, store::ModelName::Parse(options.to));
  INGOT_ASSIGN(const store::Store store, OpenStore(session));
  INGOT_ASSIGN(const store::ModelName source, store.Canonical(from));
  INGOT_ASSIGN(const store::StoredModel copy, store::CopyModel(store, source, to));
  if (options.json) {
    session.PrintJson(
        {{"source", source.Short()}, {"name", copy.name.Short()}, {"digest", copy.raw.id.Hex()}});
  } else {
    session.Print(core::StrCat("copied '", source.Short(), "' to '", copy.name.Short(), "'\n"));
  }
  return core::Status::Ok();
}

}  // namespace

void AddCopyCommand(CLI::App& app, Session& session) {
  CLI::App& command = AddCommand(
      app, "cp", "Give a model a second name; nothing is stored twice", kStoreGroup,
      "  ingot cp qwen3:4b my-qwen\n  ingot cp qwen3:4b registry.example.com/me/qwen3:4b");
  const auto options = std::make_shared<CopyOptions>();
  command.add_option("source", options->from, "The model")->required();
  command.add_option("destination", options->to, "Its further name; replaced if it exists")
      ->required();
  command.add_flag("--json", options->json, "Print JSON");
  command.callback([&session, options] {
    session.action = [options](Session& s) { return s.Finish(Copy(s, *options)); };
  });
}

}  // namespace ingot::cli
