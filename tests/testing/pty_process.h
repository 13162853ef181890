// A program at a terminal: a test types, and reads what appears. Killed and reaped when the object
// goes. One thread.
#ifndef INGOT_TESTS_TESTING_PTY_PROCESS_H_
#define INGOT_TESTS_TESTING_PTY_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::testing {

class PtyProcess {
 public:
  // args[0] is the program's path; environment is added to ours. Throws std::runtime_error when
  // there is no terminal to be had.
  PtyProcess(const std::vector<std::string>& args,
             const std::map<std::string, std::string>& environment);
  ~PtyProcess();
  PtyProcess(const PtyProcess&) = delete;
  PtyProcess& operator=(const PtyProcess&) = delete;

  void Type(std::string_view keys);
  // Reads until `text` has appeared after what was waited for before; false when the program ended
  // or minutes passed without it.
  bool WaitFor(std::string_view text);
  // What appeared between the last two places that were waited for.
  const std::string& between() const { return between_; }
  const std::string& all() const { return output_; }
  void Signal(int signal);
  // Reads to the end and waits: the exit code, or -N when signal N ended it.
  int Wait();

 private:
  bool ReadSome();

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string output_;
  size_t seen_ = 0;
  std::string between_;
  bool reaped_ = false;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_PTY_PROCESS_H_
