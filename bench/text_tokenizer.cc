// Encoding and decoding 10 MB of mixed text, and loading a tokenizer.json of 150,000 tokens, beside
// the `tokenizers` package in the same run.
//
//   bench_text_tokenizer                 runs tools/reference/tokenizer_bench.py, which calls back:
//   bench_text_tokenizer --serve TOKENIZER DOCUMENTS THREADS
//
// As a server it does what each line of its input says (load, encode, whole, decode) and answers
// with the seconds that took by the clock, and those of processors that it used.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/thread_pool.h"
#include "text/token/tokenizer.h"

namespace {

using ingot::core::ThreadPool;
using ingot::text::TokenId;
using ingot::text::Tokenizer;

struct Times {
  double clock = 0;
  double processor = 0;  // of all threads
};

Times Seconds(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t used = std::clock();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC};
}

[[noreturn]] void Die(const ingot::core::Status& status) {
  std::cerr << status.message() << "\n";
  std::exit(1);
}

std::string ReadFile(const std::string& path) {
  auto text = ingot::core::ReadSmallFile(ingot::core::Env::Posix(), path, 512 << 20);
  if (!text.ok()) Die(text.status());
  return *std::move(text);
}

class Server {
 public:
  Server(const std::string& tokenizer, const std::string& documents) : json_(ReadFile(tokenizer)) {
    const auto parsed = ingot::core::ParseJson(ReadFile(documents));
    if (!parsed.ok()) Die(parsed.status());
    documents_ = parsed->get<std::vector<std::string>>();
    for (const std::string& document : documents_) whole_ += document;
    Load();
    Encode();
  }

  Times Do(const std::string& command) {
    if (command == "load") return Seconds([&] { Load(); });
    if (command == "encode") return Seconds([&] { Encode(); });
    if (command == "whole") return Seconds([&] { Check(tokenizer_->Encode(whole_)); });
    if (command == "decode") return Seconds([&] { Decode(); });
    Die(ingot::core::InvalidArgument("unknown command " + command));
  }

 private:
  static std::vector<TokenId> Check(ingot::core::Result<std::vector<TokenId>> ids) {
    if (!ids.ok()) Die(ids.status());
    return *std::move(ids);
  }
  void Load() {
    auto loaded = Tokenizer::Load(json_);
    if (!loaded.ok()) Die(loaded.status());
    tokenizer_ = *std::move(loaded);
  }
  void Encode() {
    ids_.resize(documents_.size());
    ThreadPool::Shared().ParallelFor(documents_.size(), 8, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) ids_[i] = Check(tokenizer_->Encode(documents_[i]));
    });
  }
  void Decode() {
    ThreadPool::Shared().ParallelFor(ids_.size(), 8, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        if (tokenizer_->Decode(ids_[i]) != documents_[i]) {
          Die(ingot::core::Internal("decoding does not give the text back"));
        }
      }
    });
  }

  std::string json_;
  std::vector<std::string> documents_;
  std::string whole_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::vector<std::vector<TokenId>> ids_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "--serve") {
    ThreadPool::SetSharedThreads(std::stoi(argv[4]) > 0 ? std::stoi(argv[4])
                                                        : ThreadPool::DefaultThreads());
    Server server(argv[2], argv[3]);
    std::string command;
    while (std::getline(std::cin, command)) {
      const Times times = server.Do(command);
      std::cout << times.clock << " " << times.processor << std::endl;
    }
    return 0;
  }
  const std::string python = INGOT_SOURCE_DIR "/.deps/venv/bin/python";
  const std::string script = INGOT_SOURCE_DIR "/tools/reference/tokenizer_bench.py";
  execl(python.c_str(), python.c_str(), script.c_str(), "--program", argv[0], nullptr);
  std::perror(python.c_str());
  return 1;
}
