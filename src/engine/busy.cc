#include "engine/busy.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "core/strings.h"

namespace ingot::engine {
namespace {

constexpr std::string_view kBefore = "Try again in ";
constexpr std::string_view kAfter = " seconds.";
constexpr std::string_view kAfterOne = " second.";

}  // namespace

int SecondsUntilTurn(size_t waiting, size_t running, double usual_seconds) {
  const double rounds =
      (static_cast<double>(waiting) + 1) / static_cast<double>(std::max<size_t>(running, 1));
  const double seconds = std::ceil(usual_seconds * rounds);
  return static_cast<int>(std::clamp(seconds, 1.0, 60.0));
}

core::Status Busy(std::string message, int seconds) {
  return core::Status(core::Code::kBusy, std::move(message))
      .WithHint(core::StrCat(kBefore, seconds, seconds == 1 ? kAfterOne : kAfter));
}

std::optional<int> BusySeconds(const core::Status& status) {
  std::string_view hint = status.hint();
  if (status.code() != core::Code::kBusy || !hint.starts_with(kBefore)) return std::nullopt;
  hint.remove_prefix(kBefore.size());
  const auto seconds = core::ParseUint(hint.substr(0, hint.find(' ')));
  if (!seconds || *seconds > 3600) return std::nullopt;
  return static_cast<int>(*seconds);
}

}  // namespace ingot::engine
