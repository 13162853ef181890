// Another program, run by a test: its standard input and output are pipes, its standard error is
// ours. Killed and reaped when the object goes, and killed when the test dies, however. One thread.
#ifndef INGOT_TESTS_TESTING_CHILD_PROCESS_H_
#define INGOT_TESTS_TESTING_CHILD_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace ingot::testing {

class ChildProcess {
 public:
  // args[0] is the program's path. Throws std::runtime_error when it cannot be started.
  explicit ChildProcess(const std::vector<std::string>& args);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line of its output, without the newline; what is left when the output ends.
  std::string ReadLine();
  void WriteLine(const std::string& line);
  void Kill();  // SIGKILL; Wait still has to be called
  void Signal(int signal);
  // Closes its input and waits: the exit code, or -N when signal N ended it.
  int Wait();
  bool Running();

 private:
  void CloseInput();

  pid_t pid_ = -1;
  int in_ = -1;   // what we write
  int out_ = -1;  // what we read
  int status_ = 0;
  bool reaped_ = false;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_CHILD_PROCESS_H_
