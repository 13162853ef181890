#include <cstdio>

#include "cli/command.h"
#include "core/env.h"

int main(int argc, char** argv) {
  return ingot::cli::Run(argc, argv, ingot::core::Env::Posix(), stdout, stderr);
}
