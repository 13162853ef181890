#include "tests/testing/pty_process.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

namespace ingot::testing {
namespace {

// For a program that hangs; a busy machine may take its time.
constexpr int kPatienceMs = 120'000;

}  // namespace

PtyProcess::PtyProcess(const std::vector<std::string>& args,
                       const std::map<std::string, std::string>& environment) {
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  winsize size = {};
  size.ws_col = 80;
  size.ws_row = 24;
  pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("no pseudo-terminal to be had");
  if (pid_ == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
}

PtyProcess::~PtyProcess() {
  if (!reaped_) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close(terminal_);
}

void PtyProcess::Type(std::string_view keys) {
  while (!keys.empty()) {
    const ssize_t written = write(terminal_, keys.data(), keys.size());
    if (written <= 0) throw std::runtime_error("the terminal takes no input");
    keys.remove_prefix(static_cast<size_t>(written));
  }
}

bool PtyProcess::ReadSome() {
  pollfd wait = {terminal_, POLLIN, 0};
  if (poll(&wait, 1, kPatienceMs) <= 0) {
    kill(pid_, SIGKILL);
    return false;
  }
  std::array<char, 4096> buffer;
  const ssize_t got = read(terminal_, buffer.data(), buffer.size());
  if (got <= 0) return false;  // EIO: the program has left the terminal
  output_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

bool PtyProcess::WaitFor(std::string_view text) {
  while (true) {
    const size_t at = output_.find(text, seen_);
    if (at != std::string::npos) {
      between_ = output_.substr(seen_, at - seen_);
      seen_ = at + text.size();
      return true;
    }
    if (!ReadSome()) return false;
  }
}

void PtyProcess::Signal(int signal) { kill(pid_, signal); }

int PtyProcess::Wait() {
  while (ReadSome()) {
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ingot::testing
