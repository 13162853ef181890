#include <cstdio>

#include "cli/command.h"
#include "core/env.h"
#include "core/interrupt.h"

int main(int argc, char** argv) {
  const ingot::core::InterruptHandler interrupts;
  ingot::core::IgnoreBrokenPipes();
  return ingot::cli::Run(argc, argv, ingot::core::Env::Posix(), stdout, stderr);
}
