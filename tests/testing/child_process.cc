#include "tests/testing/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace ingot::testing {
namespace {

std::array<int, 2> Pipe() {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  return ends;
}

// Starts children that die with the test: one that outlived it would hold its pipes, and with them
// whoever waits for the test to end. The kernel sends that signal when the thread that started a
// child ends, so all of them are started by one thread that lasts as long as the process.
class Spawner {
 public:
  static Spawner& Get() {
    static Spawner& spawner = *new Spawner;  // its thread runs until the process is gone
    return spawner;
  }

  // -1: it cannot be run.
  pid_t Spawn(char* const* argv, int in, int out) {
    const std::lock_guard<std::mutex> one(callers_);
    std::unique_lock<std::mutex> hold(lock_);
    job_ = {argv, in, out};
    has_job_ = true;
    changed_.notify_all();
    changed_.wait(hold, [this] { return !has_job_; });
    return pid_;
  }

 private:
  struct Job {
    char* const* argv = nullptr;
    int in = -1;
    int out = -1;
  };

  Spawner() {
    std::thread([this] { Loop(); }).detach();
  }

  void Loop() {
    std::unique_lock<std::mutex> hold(lock_);
    while (true) {
      changed_.wait(hold, [this] { return has_job_; });
      pid_ = Start(job_);
      has_job_ = false;
      changed_.notify_all();
    }
  }

  static pid_t Start(const Job& job) {
    const std::array<int, 2> failed = Pipe();  // closed by a successful exec
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
      // Nothing but system calls here: other threads may have held any lock.
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(127);
      dup2(job.in, STDIN_FILENO);
      dup2(job.out, STDOUT_FILENO);
      execv(job.argv[0], job.argv);
      const char no = 0;
      [[maybe_unused]] const ssize_t said = write(failed[1], &no, 1);
      _exit(127);
    }
    close(failed[1]);
    char byte = 0;
    const bool runs = pid > 0 && read(failed[0], &byte, 1) == 0;
    close(failed[0]);
    if (pid > 0 && !runs) waitpid(pid, nullptr, 0);
    return runs ? pid : -1;
  }

  std::mutex callers_;
  std::mutex lock_;
  std::condition_variable changed_;
  Job job_;  // guarded by lock_, like what follows
  bool has_job_ = false;
  pid_t pid_ = -1;
};

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& args) {
  signal(SIGPIPE, SIG_IGN);  // a child that is gone is a failed write, not our end
  const std::array<int, 2> in = Pipe(), out = Pipe();
  std::vector<char*> argv;
  for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  pid_ = Spawner::Get().Spawn(argv.data(), in[0], out[1]);
  close(in[0]);
  close(out[1]);
  in_ = in[1];
  out_ = out[0];
  if (pid_ < 0) {
    reaped_ = true;
    CloseInput();
    close(out_);
    throw std::runtime_error("cannot run " + args[0]);
  }
}

ChildProcess::~ChildProcess() {
  if (!reaped_) {
    Kill();
    Wait();
  }
  CloseInput();
  close(out_);
}

std::string ChildProcess::ReadLine() {
  std::string line;
  char c = 0;
  while (read(out_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

void ChildProcess::WriteLine(const std::string& line) {
  const std::string text = line + "\n";
  if (write(in_, text.data(), text.size()) < 0) return;  // it is gone; Wait tells how
}

void ChildProcess::Kill() { Signal(SIGKILL); }

void ChildProcess::Signal(int signal) {
  if (!reaped_) kill(pid_, signal);
}

void ChildProcess::CloseInput() {
  if (in_ >= 0) close(in_);
  in_ = -1;
}

bool ChildProcess::Running() {
  if (!reaped_ && waitpid(pid_, &status_, WNOHANG) == pid_) reaped_ = true;
  return !reaped_;
}

int ChildProcess::Wait() {
  CloseInput();
  while (!reaped_) reaped_ = waitpid(pid_, &status_, 0) == pid_;
  return WIFSIGNALED(status_) ? -WTERMSIG(status_) : WEXITSTATUS(status_);
}

}  // namespace ingot::testing
