// Runs the program inside a test and keeps what it said.
#ifndef INGOT_TESTS_CLI_RUN_CLI_H_
#define INGOT_TESTS_CLI_RUN_CLI_H_

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/env.h"

namespace ingot::cli {

struct Outcome {
  int exit = 0;
  std::string out;
  std::string err;
};

inline std::string Slurp(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[4096];
  while (const size_t got = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
  return text;
}

inline Outcome Ingot(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ingot");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), &std::fclose);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> err(std::tmpfile(), &std::fclose);
  Outcome outcome;
  outcome.exit = Run(static_cast<int>(arguments.size()), arguments.data(), core::Env::Posix(),
                     out.get(), err.get());
  outcome.out = Slurp(out.get());
  outcome.err = Slurp(err.get());
  return outcome;
}

}  // namespace ingot::cli

#endif  // INGOT_TESTS_CLI_RUN_CLI_H_
