#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/command.h"
#include "core/interrupt.h"
#include "core/strings.h"

namespace ingot::cli {

void Session::Print(std::string_view text) {
  const core::HeldInterrupts held;
  output_failed_ |= std::fwrite(text.data(), 1, text.size(), out_) != text.size();
}

void Session::Flush() {
  const core::HeldInterrupts held;
  output_failed_ |= std::fflush(out_) != 0;
}

void Session::PrintJson(const core::Json& json) {
  Print(json.dump(2, ' ', false, core::Json::error_handler_t::replace));
  Print("\n");
}

void Session::Note(std::string_view text) {
  const core::HeldInterrupts held;
  // A remark that cannot be shown is no reason to fail.
  std::fwrite(text.data(), 1, text.size(), err_);
}

void Session::PrintError(const core::Status& status) {
  Flush();
  Note(core::StrCat("Error: ", core::Printable(status.message(), 8000), "\n"));
  if (!status.hint().empty()) Note(core::StrCat(status.hint(), "\n"));
}

core::ProgressSink& Session::progress() {
  if (progress_ == nullptr) progress_ = core::MakeTerminalSink(err_);
  return *progress_;
}

bool Session::out_is_terminal() const { return isatty(fileno(out_)) == 1; }

int Session::terminal_columns() const {
  winsize size = {};
  if (ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Exit Session::Finish(const core::Status& status) {
  if (status.ok()) return Exit::kOk;
  PrintError(status);
  if (status.code() == core::Code::kCancelled) {
    const int code = core::InterruptExitCode();  // says by which signal
    return code == 0 ? Exit::kInterrupted : static_cast<Exit>(code);
  }
  return status.code() == core::Code::kInvalidArgument ? Exit::kUsage : Exit::kFailure;
}

Exit Session::CloseOutput(Exit so_far) {
  Flush();
  if (!output_failed_) return so_far;
  Note("Error: standard output could not be written\n");
  return so_far == Exit::kOk ? Exit::kFailure : so_far;
}

}  // namespace ingot::cli
