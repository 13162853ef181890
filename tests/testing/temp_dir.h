// A directory of a test's own, removed with everything in it when the test ends.
#ifndef INGOT_TESTS_TESTING_TEMP_DIR_H_
#define INGOT_TESTS_TESTING_TEMP_DIR_H_

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ingot::testing {

// kMemory: in memory where the system has such a place, for tests that make thousands of small
// files and mean nothing by the disk under them.
enum class TempPlace { kDefault, kMemory };

class TempDir {
 public:
  explicit TempDir(TempPlace place = TempPlace::kDefault) {
    std::filesystem::path parent = std::filesystem::temp_directory_path();
    constexpr const char* kMemory = "/dev/shm";
    if (place == TempPlace::kMemory && access(kMemory, W_OK) == 0) parent = kMemory;
    std::string pattern = (parent / "ingot-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_TESTING_TEMP_DIR_H_
