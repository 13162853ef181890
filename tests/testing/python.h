// Runs a Python script of the repository with the interpreter that the set-up made, for tests that
// compare with another implementation. A missing interpreter fails the test.
#ifndef INGOT_TESTS_TESTING_PYTHON_H_
#define INGOT_TESTS_TESTING_PYTHON_H_

#include <filesystem>
#include <string>
#include <vector>

namespace ingot::testing {

struct PythonRun {
  int exit_code = -1;  // -1: it could not be run, or a signal ended it
  std::string output;  // standard output; standard error goes to the test's own
};

// script is relative to the root of the repository.
PythonRun RunPython(const std::filesystem::path& script, const std::vector<std::string>& arguments);

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_PYTHON_H_
