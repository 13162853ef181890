// What every command of the program shares: the session it runs in, and how it joins the command
// line. A command is one file: a function Add<Name>Command that puts its options and help on the
// parser and says what to run. commands.cc lists them all.
//
// One thread: parsing, then the one action chosen.
#ifndef INGOT_CLI_COMMAND_H_
#define INGOT_CLI_COMMAND_H_

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/status.h"

namespace CLI {
class App;
}

namespace ingot::cli {

// What the process returns. Anything but kOk means that the command did not do what was asked.
enum class Exit : int {
  kOk = 0,
  kFailure = 1,  // it failed, or it checked something and found it wanting
  kUsage = 2,
  kInterrupted = 130,  // by Ctrl-C
  kTerminated = 143,   // by SIGTERM
};

// Options before or after any command's name.
struct GlobalOptions {
  std::string models;  // --models: where the store is; empty: as the environment says
  int threads = 0;     // --threads: 0 for as many as the process may use
};

class Session {
 public:
  Session(core::Env& env, std::FILE* out, std::FILE* err) : env_(env), out_(out), err_(err) {}

  core::Env& env() { return env_; }
  GlobalOptions& options() { return options_; }

  // What the command is there to say, to standard output. Text that came from a file, a model or
  // the network must have gone through core::Printable.
  void Print(std::string_view text);
  void Flush();  // so that a reader sees what was printed so far
  // One JSON value and a newline; strings that are not UTF-8 are repaired, never an exception.
  void PrintJson(const core::Json& json);
  // Remarks that are not the result, to standard error.
  void Note(std::string_view text);
  // "Error: message", with the hint on the next line.
  void PrintError(const core::Status& status);

  // Bars on a terminal, lines elsewhere, on standard error; nothing when quiet.
  core::ProgressSink& progress();
  bool out_is_terminal() const;
  std::FILE* out() const { return out_; }  // for what draws on a terminal
  int terminal_columns() const;            // 80 when it is not known

  // The exit code that a status asks for; prints the error if there is one.
  Exit Finish(const core::Status& status);
  // A full disk or a closed pipe behind standard output is a failure of the command.
  Exit CloseOutput(Exit so_far);

  std::function<Exit(Session&)> action;  // set by the parser's callback

 private:
  core::Env& env_;
  std::FILE* out_;
  std::FILE* err_;
  GlobalOptions options_;
  std::unique_ptr<core::ProgressSink> progress_;
  bool output_failed_ = false;
};

// The whole program: parses, runs, returns the exit code. Never throws.
int Run(int argc, const char* const* argv, core::Env& env, std::FILE* out, std::FILE* err);

// For the commands' own files.
CLI::App& AddCommand(CLI::App& app, const std::string& name, const std::string& summary,
                     const std::string& group, const std::string& examples);

}  // namespace ingot::cli

#endif  // INGOT_CLI_COMMAND_H_
