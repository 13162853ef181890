// Why a request is not answered, and when it is worth to ask again where somebody knows. A value;
// whatever has a Status is one.
#ifndef INGOT_SERVER_REFUSAL_H_
#define INGOT_SERVER_REFUSAL_H_

#include <optional>
#include <utility>

#include "core/status.h"
#include "core/strings.h"

namespace ingot::server {

struct Refusal {
  Refusal(core::Status why) : status(std::move(why)) {}  // NOLINT: implicit
  // The person hears of it, too.
  Refusal(core::Status why, int seconds)
      : status(std::move(why).WithHint(
            core::StrCat("Try again in ", seconds, seconds == 1 ? " second." : " seconds."))),
        retry_seconds(seconds) {}

  core::Status status;
  std::optional<int> retry_seconds;
};

}  // namespace ingot::server

#endif  // INGOT_SERVER_REFUSAL_H_
