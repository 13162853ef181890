// What a test tells its server while the server's own threads answer: the test sets it at any time,
// and who is answering goes on with what was set when it began. Thread-safe.
#ifndef INGOT_TESTS_REGISTRY_SETTING_H_
#define INGOT_TESTS_REGISTRY_SETTING_H_

#include <memory>
#include <mutex>
#include <utility>

namespace ingot::testing {

template <typename Function>
class Setting {
 public:
  Setting() : now_(std::make_shared<Function>()) {}
  Setting& operator=(Function next) {
    // The old one may go with it, outside the lock.
    auto made = std::make_shared<Function>(std::move(next));
    const std::lock_guard<std::mutex> hold(lock_);
    now_.swap(made);
    return *this;
  }
  // Never null; the function in it may be empty.
  std::shared_ptr<const Function> Now() const {
    const std::lock_guard<std::mutex> hold(lock_);
    return now_;
  }

 private:
  mutable std::mutex lock_;
  std::shared_ptr<Function> now_;
};

}  // namespace ingot::testing

#endif  // INGOT_TESTS_REGISTRY_SETTING_H_
