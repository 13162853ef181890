#include "cli/store_access.h"

#include <array>
#include <cmath>

#include "core/strings.h"

namespace ingot::cli {
namespace {

using core::StrCat;

std::string Span(int64_t seconds) {
  struct Step {
    double below;    // of the unit's count
    double seconds;  // in one unit
    const char* one;
    const char* many;
  };
  constexpr double kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  constexpr std::array<Step, 7> kSteps = {{
      {60, 1, "1 second", "seconds"},
      {60, kMinute, "About a minute", "minutes"},
      {48, kHour, "About an hour", "hours"},
      {14, kDay, "1 day", "days"},
      {60.0 / 7, 7 * kDay, "1 week", "weeks"},
      {24, 30 * kDay, "1 month", "months"},
      {1e9, 365 * kDay, "1 year", "years"},
  }};
  if (seconds < 1) return "Less than a second";
  for (const Step& step : kSteps) {
    const double count = static_cast<double>(seconds) / step.seconds;
    if (count >= step.below) continue;
    const auto whole = static_cast<int64_t>(std::floor(count));
    return whole == 1 ? step.one : StrCat(whole, ' ', step.many);
  }
  return "a very long time";
}

}  // namespace

core::Result<store::Store> OpenStore(Session& session) {
  core::Path root = session.options().models;
  if (root.empty()) {
    INGOT_ASSIGN(root, store::FindModelsRoot());
  }
  return store::Store(session.env(), core::Clock::System(), std::move(root));
}

std::string HowLongAgo(int64_t then_ns, int64_t now_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  if (then_ns > now_ns) return StrCat("in ", Span((then_ns - now_ns) / kSecond));
  return StrCat(Span((now_ns - then_ns) / kSecond), " ago");
}

std::string Counted(uint64_t count, std::string_view noun) {
  return StrCat(count, ' ', noun, count == 1 ? "" : "s");
}

std::string Shown(const core::Path& path) { return core::Printable(path.native(), 4096); }

std::string TextFor(Session& session, std::string_view text) {
  std::string out;
  if (!session.out_is_terminal()) {
    out = text;
  } else {
    for (const std::string_view line : core::Split(text, '\n')) {
      out += core::Printable(line, SIZE_MAX);
      out += '\n';
    }
    out.pop_back();  // the last piece is not followed by a line end
  }
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out;
}

std::string ShortNames(const std::vector<store::ModelName>& names) {
  std::vector<std::string> parts;
  for (const store::ModelName& name : names) parts.push_back(name.Short());
  return core::Join(parts, ", ");
}

core::Json ShortNamesJson(const std::vector<store::ModelName>& names) {
  core::Json list = core::Json::array();
  for (const store::ModelName& name : names) list.push_back(name.Short());
  return list;
}

}  // namespace ingot::cli
