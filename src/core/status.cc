#include "core/status.h"

#include <cerrno>
#include <system_error>

namespace ingot::core {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kOk:
      return "ok";
    case Code::kInvalidArgument:
      return "invalid argument";
    case Code::kNotFound:
      return "not found";
    case Code::kAlreadyExists:
      return "already exists";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kIo:
      return "input/output error";
    case Code::kNoSpace:
      return "no space";
    case Code::kPermission:
      return "permission denied";
    case Code::kBusy:
      return "busy";
    case Code::kExhausted:
      return "limit reached";
    case Code::kCancelled:
      return "cancelled";
    case Code::kInternal:
      return "internal error";
  }
  return "unknown";
}

Status::Status(Code code, std::string message) {
  if (code != Code::kOk) rep_ = std::make_unique<Rep>(Rep{code, std::move(message), ""});
}

Status::Status(const Status& other)
    : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
  return *this;
}

Status Status::Context(std::string_view what) && {
  if (rep_) rep_->message = std::string(what).append(": ").append(rep_->message);
  return std::move(*this);
}

Status Status::Context(std::string_view what) const& { return Status(*this).Context(what); }

Status Status::WithHint(std::string_view hint) && {
  if (rep_ && rep_->hint.empty()) rep_->hint = std::string(hint);
  return std::move(*this);
}

Status InvalidArgument(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }
Status NotFound(std::string message) { return {Code::kNotFound, std::move(message)}; }
Status AlreadyExists(std::string message) { return {Code::kAlreadyExists, std::move(message)}; }
Status Corrupt(std::string message) { return {Code::kCorrupt, std::move(message)}; }
Status Unsupported(std::string message) { return {Code::kUnsupported, std::move(message)}; }
Status IoError(std::string message) { return {Code::kIo, std::move(message)}; }
Status Exhausted(std::string message) { return {Code::kExhausted, std::move(message)}; }
Status Cancelled(std::string message) { return {Code::kCancelled, std::move(message)}; }
Status Internal(std::string message) { return {Code::kInternal, std::move(message)}; }

Status ErrnoStatus(int error, std::string_view what) {
  Code code = Code::kIo;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      code = Code::kNotFound;
      break;
    case EEXIST:
      code = Code::kAlreadyExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::kNoSpace;
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      code = Code::kPermission;
      break;
    case EWOULDBLOCK:
      code = Code::kBusy;
      break;
    default:
      break;
  }
  std::string message(what);
  message.append(": ").append(std::error_code(error, std::generic_category()).message());
  return {code, std::move(message)};
}

}  // namespace ingot::core
