// What src/cli/main.cc is elsewhere, for src/cli/late/main.cc to call.
#include <cstdio>

#include "cli/command.h"
#include "core/env.h"
#include "core/interrupt.h"

extern "C" __attribute__((visibility("default"))) int IngotProgram(int argc, char** argv) {
  const ingot::core::InterruptHandler interrupts;
  ingot::core::IgnoreBrokenPipes();
  return ingot::cli::Run(argc, argv, ingot::core::Env::Posix(), stdout, stderr);
}
