// Loads the model in a folder, reads a prompt, writes one token and ends: what a process costs
// until its first token. bench/peers.py measures it from outside.
//
//   bench_first_token FOLDER [PROMPT_TOKENS]
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "engine/generator.h"
#include "models/load.h"

int main(int argc, char** argv) {
  using namespace ingot;
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_first_token FOLDER [PROMPT_TOKENS]\n");
    return 2;
  }
  auto model = models::LoadFolder(core::Env::Posix(), argv[1], std::nullopt);
  if (!model.ok()) {
    std::fprintf(stderr, "bench_first_token: %s\n", std::string(model.status().message()).c_str());
    return 1;
  }
  const int vocabulary = (*model)->shape().vocabulary;
  std::vector<int> prompt;
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 32); ++i) {
    prompt.push_back((i * 7919 + 1) % vocabulary);
  }
  engine::SamplingOptions sampling;
  sampling.temperature = 0;
  engine::GenerationLimits limits;
  limits.max_tokens = 1;
  limits.ignore_end = true;
  engine::Generator generator(**model, sampling, limits);
  const auto result = generator.Run(
      prompt,
      [](const engine::GeneratedToken& token) {
        std::printf("%d\n", token.token);
        return true;
      },
      [] { return false; });
  return result.ok() ? 0 : 1;
}
