#include "core/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/strings.h"
#include "core/thread_pool.h"

namespace ingot::core {
namespace {

void (*HandlerOf(int signal))(int) {
  struct sigaction action = {};
  sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

TEST(InterruptTest, TheFirstSignalRaisesAFlag) {
  const InterruptHandler handler;
  EXPECT_FALSE(Interrupted());
  EXPECT_TRUE(CheckInterrupted().ok());
  EXPECT_EQ(InterruptExitCode(), 0);
  raise(SIGINT);
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(CheckInterrupted().code(), Code::kCancelled);
  EXPECT_EQ(InterruptExitCode(), 130);
}

TEST(InterruptTest, TerminationAsksLikewise) {
  const InterruptHandler handler;
  raise(SIGTERM);
  EXPECT_TRUE(Interrupted());
  EXPECT_EQ(InterruptExitCode(), 143);
}

TEST(InterruptTest, ThePatientAnswerCtrlCAsOftenAsItComes) {
  const InterruptHandler handler;
  const PatientInterrupts patient;
  EXPECT_TRUE(PatientInterrupts::Forget()) << "there is nothing to forget";
  for (int round = 0; round < 3; ++round) {
    raise(SIGINT);
    raise(SIGINT);
    EXPECT_TRUE(Interrupted());
    EXPECT_TRUE(PatientInterrupts::Forget());
    EXPECT_FALSE(Interrupted());
  }
  raise(SIGTERM);
  EXPECT_FALSE(PatientInterrupts::Forget()) << "that is for the program as a whole";
  EXPECT_TRUE(Interrupted());
}

TEST(InterruptTest, EverythingIsAsBeforeWhenTheHandlerGoes) {
  const auto before = HandlerOf(SIGINT);
  {
    const InterruptHandler handler;
    EXPECT_NE(HandlerOf(SIGINT), before);
    raise(SIGINT);
  }
  EXPECT_EQ(HandlerOf(SIGINT), before);
  EXPECT_FALSE(Interrupted());
  const InterruptHandler again;
  EXPECT_FALSE(Interrupted());
}

TEST(InterruptTest, AnIgnoredSignalStaysIgnored) {
  const auto before = signal(SIGINT, SIG_IGN);
  {
    const InterruptHandler handler;
    raise(SIGINT);
    EXPECT_FALSE(Interrupted());
    raise(SIGTERM);
    EXPECT_TRUE(Interrupted());
  }
  EXPECT_EQ(HandlerOf(SIGINT), SIG_IGN);
  signal(SIGINT, before);
}

TEST(InterruptTest, WorkOnThePoolSeesIt) {
  const InterruptHandler handler;
  ThreadPool pool(2);
  std::atomic<int> done = 0;
  pool.ParallelFor(1000, 1, [&](size_t begin, size_t) {
    if (begin == 0) kill(getpid(), SIGINT);  // to the process: pool threads take none
    while (done == 0 && !Interrupted()) std::this_thread::yield();
    if (!Interrupted()) ++done;
  });
  EXPECT_EQ(done, 0);
}

// Waits until the thread sleeps in the system.
void AwaitSleep(pid_t thread) {
  while (true) {
    std::string stat;
    std::ifstream file(StrCat("/proc/self/task/", thread, "/stat"));
    std::getline(file, stat);
    const size_t name_end = stat.rfind(')');
    if (name_end != std::string::npos && stat.compare(name_end, 3, ") S") == 0) return;
    std::this_thread::yield();
  }
}

TEST(InterruptTest, AWaitForInputEnds) {
  const InterruptHandler handler;
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pthread_t reader = pthread_self();
  const pid_t reader_id = getpid();  // the tests run on the first thread
  std::thread sender([&] {
    AwaitSleep(reader_id);
    pthread_kill(reader, SIGINT);
  });
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), -1);
  EXPECT_EQ(errno, EINTR);
  sender.join();
  close(ends[0]);
  close(ends[1]);
}

TEST(InterruptDeathTest, TheSecondSignalEndsTheProcessAtOnce) {
  const auto twice = [](int first, int second) {
    const InterruptHandler handler;
    raise(first);
    raise(second);
    std::exit(0);
  };
  EXPECT_EXIT(twice(SIGINT, SIGINT), ::testing::ExitedWithCode(130), "");
  EXPECT_EXIT(twice(SIGINT, SIGTERM), ::testing::ExitedWithCode(143), "");
}

TEST(InterruptDeathTest, ABrokenPipeIsAnErrorAndNotTheEnd) {
  const auto write_to_nobody = [](bool ignore) {
    if (ignore) IgnoreBrokenPipes();
    std::array<int, 2> ends = {};
    if (pipe(ends.data()) != 0) std::exit(2);
    close(ends[0]);
    const bool failed = write(ends[1], "x", 1) == -1 && errno == EPIPE;
    std::exit(failed ? 0 : 3);
  };
  EXPECT_EXIT(write_to_nobody(true), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(write_to_nobody(false), ::testing::KilledBySignal(SIGPIPE), "");
}

}  // namespace
}  // namespace ingot::core
