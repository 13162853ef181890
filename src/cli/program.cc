#include <algorithm>
#include <exception>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/version.h"
#include "core/log.h"
#include "core/strings.h"
#include "core/thread_pool.h"
#include "ops/cpu/choice.h"

namespace ingot::cli {
namespace {

constexpr const char* kAbout =
    "Import, quantize, store and run open-weight language models on one machine.";
constexpr const char* kFooter =
    "To begin:\n"
    "  ingot create mine -f FOLDER -q int4    import a downloaded checkpoint, four bits a weight\n"
    "  ingot show mine                        what came in\n"
    "  ingot run mine \"Why is the sky blue?\"  ask it\n\n"
    "`ingot COMMAND --help` shows a command's options and examples.\n"
    "Environment: INGOT_MODELS (or OLLAMA_MODELS) says where models are kept, INGOT_THREADS how\n"
    "many processors to use, INGOT_LOG (debug, info, warn, error) how much to log,\n"
    "INGOT_LOG_FORMAT (text, timed, json) in which form, INGOT_CPU (portable, avx2, avx512, amx)\n"
    "which instructions to keep to, INGOT_KERNELS (own, plain) whether to use our own kernels.\n";

struct LogOptions {
  std::string level = "warn";
  std::string format = "text";
};

// The first word that is not an option nor an option's value: the command's name, if it is one.
std::string FirstWord(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--models" || word == "--threads" || word == "--log-level" ||
        word == "--log-format") {
      ++i;
    } else if (!word.empty() && word.front() != '-') {
      return std::string(word);
    }
  }
  return "";
}

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

// Every long option of a command and of the program.
std::vector<std::string> OptionNames(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* level = &command; level != nullptr; level = level->get_parent()) {
    for (const CLI::Option* option : level->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// The option that was probably meant by the first one that does not exist.
std::optional<std::string> ClosestOption(const CLI::App& command, int argc,
                                         const char* const* argv) {
  const std::vector<std::string> names = OptionNames(command);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name.size() < 4) continue;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return core::ClosestMatch(name, names);
  }
  return std::nullopt;
}

core::Status UsageError(const CLI::App& app, const CLI::ParseError& error, int argc,
                        const char* const* argv) {
  const std::vector<const CLI::App*> chosen =
      app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
  const CLI::App& at = chosen.empty() ? app : *chosen.front();
  std::string hint =
      core::StrCat("See `ingot ", &at == &app ? "" : at.get_name() + " ", "--help`.");
  if (const auto close = ClosestOption(at, argc, argv)) {
    hint = core::StrCat("Did you mean `", *close, "`? ", hint);
  }
  return core::InvalidArgument(error.what()).WithHint(hint);
}

core::Status ApplyGlobals(const GlobalOptions& options, const LogOptions& log) {
  const auto level = core::ParseLogLevel(log.level);
  if (!level) {
    return core::InvalidArgument(core::StrCat("log level ", core::Quoted(log.level), " is unknown"))
        .WithHint("Use debug, info, warn, error or off.");
  }
  const auto format = core::ParseLogFormat(log.format);
  if (!format) {
    return core::InvalidArgument(
               core::StrCat("log format ", core::Quoted(log.format), " is unknown"))
        .WithHint("Use text, timed or json.");
  }
  INGOT_TRY(ops::cpu::CheckChoice());
  core::ConfigureLog(*level, *format);
  if (options.threads > 0) core::ThreadPool::SetSharedThreads(options.threads);
  return core::Status::Ok();
}

int RunParsed(int argc, const char* const* argv, Session& session) {
  CLI::App app(kAbout, "ingot");
  app.footer(kFooter);
  app.set_version_flag("-v,--version", VersionLine());
  app.fallthrough();
  app.require_subcommand(0, 1);
  LogOptions log;
  app.add_option("--models", session.options().models, "Directory of the model store")
      ->type_name("DIR");
  app.add_option("--threads", session.options().threads, "Processors to use")
      ->envname("INGOT_THREADS")
      ->check(CLI::Range(1, 4096))
      ->type_name("N");
  app.add_option("--log-level", log.level, "debug, info, warn, error or off")
      ->envname("INGOT_LOG")
      ->type_name("LEVEL");
  app.add_option("--log-format", log.format, "text, timed (text with times) or json")
      ->envname("INGOT_LOG_FORMAT")
      ->type_name("FORMAT");
  for (const Registrar add : Commands()) add(app, session);

  const std::string word = FirstWord(argc, argv);
  const std::vector<std::string> names = CommandNames(app);
  if (!word.empty() && std::find(names.begin(), names.end(), word) == names.end()) {
    core::Status unknown =
        core::InvalidArgument(core::StrCat("there is no command ", core::Quoted(word)));
    if (const auto close = core::ClosestMatch(word, names)) {
      unknown = std::move(unknown).WithHint(core::StrCat("Did you mean `ingot ", *close, "`?"));
    }
    return static_cast<int>(
        session.Finish(std::move(unknown).WithHint("`ingot --help` lists the commands.")));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    session.Print(chosen.empty() ? app.help() : chosen.front()->help("ingot"));
    return static_cast<int>(session.CloseOutput(Exit::kOk));
  } catch (const CLI::CallForVersion&) {
    session.Print(VersionLine() + "\n");
    return static_cast<int>(session.CloseOutput(Exit::kOk));
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(session.Finish(UsageError(app, error, argc, argv)));
  }
  if (!session.action) {
    session.Print(app.help());
    return static_cast<int>(session.CloseOutput(Exit::kUsage));
  }
  if (const core::Status status = ApplyGlobals(session.options(), log); !status.ok()) {
    return static_cast<int>(session.Finish(status));
  }
  return static_cast<int>(session.CloseOutput(session.action(session)));
}

}  // namespace

CLI::App& AddCommand(CLI::App& app, const std::string& name, const std::string& summary,
                     const std::string& group, const std::string& examples) {
  CLI::App& command = *app.add_subcommand(name, summary);
  command.group(group);
  command.fallthrough();
  command.footer("Examples:\n" + examples);
  return command;
}

int Run(int argc, const char* const* argv, core::Env& env, std::FILE* out, std::FILE* err) {
  Session session(env, out, err);
  try {
    return RunParsed(argc, argv, session);
  } catch (const std::exception& error) {
    // Nothing of ours throws; what a library lets through still ends in a message.
    return static_cast<int>(session.Finish(core::Internal(error.what())));
  }
}

}  // namespace ingot::cli
