// Errors as values. Below the command line and the server nothing throws: a function that can fail
// returns a Status, or a Result<T> that holds either a T or the Status that says why there is none.
//
// A message names what was being worked on, what was expected and what was found; callers add their
// own context in front with Context(). A hint tells a person the next step and is printed after it.
//
// Thread-safe as values are: distinct objects may be used from distinct threads.
#ifndef INGOT_CORE_STATUS_H_
#define INGOT_CORE_STATUS_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace ingot::core {

enum class Code {
  kOk,
  kInvalidArgument,  // the caller, or the person, asked for something that makes no sense
  kNotFound,
  kAlreadyExists,
  kCorrupt,      // stored or received bytes are not what they claim to be
  kUnsupported,  // understood, and not something that this program does
  kIo,           // the operating system said no
  kNoSpace,
  kPermission,
  kBusy,       // somebody else holds it
  kExhausted,  // a limit of ours was reached
  kCancelled,
  kInternal,  // a bug of ours
};

// "corrupt", "not found": for logs and JSON output.
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(Code code, std::string message);

  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  static Status Ok() { return {}; }

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  std::string_view message() const { return rep_ ? std::string_view(rep_->message) : ""; }
  std::string_view hint() const { return rep_ ? std::string_view(rep_->hint) : ""; }

  // "<what>: <message>". No effect on OK.
  Status Context(std::string_view what) &&;
  Status Context(std::string_view what) const&;
  // The first hint given wins: it comes from whoever knows most. No effect on OK.
  Status WithHint(std::string_view hint) &&;

 private:
  struct Rep {
    Code code;
    std::string message;
    std::string hint;
  };
  std::unique_ptr<Rep> rep_;  // null when OK, so that success costs one pointer
};

Status InvalidArgument(std::string message);
Status NotFound(std::string message);
Status AlreadyExists(std::string message);
Status Corrupt(std::string message);
Status Unsupported(std::string message);
Status IoError(std::string message);
Status Exhausted(std::string message);
Status Cancelled(std::string message);
Status Internal(std::string message);

// "<what>: <text of errno>", with the code that fits: ENOENT is kNotFound, ENOSPC and EDQUOT are
// kNoSpace, EACCES and EPERM are kPermission, the rest kIo.
Status ErrnoStatus(int error, std::string_view what);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT: implicit
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT: implicit
    if (std::get<1>(state_).ok()) {
      state_.template emplace<1>(Internal("a Result was made from an OK status"));
    }
  }

  bool ok() const { return state_.index() == 0; }
  const T& value() const& { return std::get<0>(state_); }
  T& value() & { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  Status status() const& { return ok() ? Status() : std::get<1>(state_); }
  Status status() && { return ok() ? Status() : std::get<1>(std::move(state_)); }
  Result Context(std::string_view what) && {
    if (ok()) return std::move(*this);
    return std::get<1>(std::move(state_)).Context(what);
  }

 private:
  std::variant<T, Status> state_;
};

}  // namespace ingot::core

// Returning early is the one thing a function cannot do for its caller.
#define INGOT_CONCAT_INNER_(a, b) a##b
#define INGOT_CONCAT_(a, b) INGOT_CONCAT_INNER_(a, b)

// INGOT_TRY(expression): returns its status from the enclosing function unless it is OK.
#define INGOT_TRY(expression)                                                    \
  do {                                                                           \
    if (::ingot::core::Status ingot_status_ = (expression); !ingot_status_.ok()) \
      return ingot_status_;                                                      \
  } while (false)

// INGOT_ASSIGN(auto x, expression): declares or assigns x from a Result, or returns its status.
#define INGOT_ASSIGN(target, expression) \
  INGOT_ASSIGN_IMPL_(INGOT_CONCAT_(ingot_result_, __LINE__), target, expression)
#define INGOT_ASSIGN_IMPL_(result, target, expression) \
  auto result = (expression);                          \
  if (!result.ok()) return std::move(result).status(); \
  target = std::move(result).value()

#endif  // INGOT_CORE_STATUS_H_
