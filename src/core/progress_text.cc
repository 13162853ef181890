#include "core/progress_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr int kBarColumns = 24;

std::string Amount(ProgressUnit unit, uint64_t value) {
  return unit == ProgressUnit::kBytes ? HumanBytes(value) : StrCat(value);
}

double RatePerSecond(const ProgressEvent& event) {
  return event.seconds > 0.05 ? static_cast<double>(event.done) / event.seconds : 0;
}

std::string RateText(const ProgressEvent& event) {
  const double rate = RatePerSecond(event);
  if (rate <= 0 || rate > 1e18) return "";
  return Amount(event.unit, static_cast<uint64_t>(std::llround(rate))) + "/s";
}

std::string Remaining(const ProgressEvent& event) {
  const double rate = RatePerSecond(event);
  if (event.finished) return HumanDuration(event.seconds);
  if (rate <= 0 || event.total <= event.done) return "";
  return HumanDuration(static_cast<double>(event.total - event.done) / rate) + " left";
}

// Columns of text: code points, since what we print is made of narrow ones.
int Columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Cut(const std::string& text, int columns) {
  if (Columns(text) <= columns) return text;
  std::string out;
  int used = 0;
  for (size_t i = 0; i < text.size();) {
    size_t next = i + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (++used >= columns) break;
    out.append(text, i, next - i);
    i = next;
  }
  return columns > 0 ? out + "…" : "";
}

std::string Bar(double share) {
  const int full = static_cast<int>(std::lround(share * kBarColumns));
  std::string bar = "▕";
  for (int i = 0; i < kBarColumns; ++i) bar += i < full ? "█" : " ";
  return bar + "▏";
}

}  // namespace

std::string ProgressBar(const ProgressEvent& event, int columns) {
  const bool known = event.total > 0;
  const double share =
      known ? std::min(1.0, static_cast<double>(event.done) / static_cast<double>(event.total)) : 0;
  // From what is needed most to what is needed least.
  std::vector<std::string> parts;
  if (known) {
    const auto percent = static_cast<int>(share * 100);
    parts.push_back(StrCat(percent < 10 ? "  " : percent < 100 ? " " : "", percent, "%"));
    parts.push_back(
        StrCat(Amount(event.unit, event.done), " of ", Amount(event.unit, event.total)));
  } else {
    parts.push_back(Amount(event.unit, event.done));
  }
  parts.push_back(RateText(event));
  parts.push_back(Remaining(event));
  std::erase(parts, "");

  const std::string step = Printable(event.step);
  const int wide = std::max(columns - 1, 0);  // a full last column would wrap on some terminals
  std::string text = Cut(step, wide);
  int left = wide - Columns(text);
  for (size_t i = 0; i < parts.size() && left >= Columns(parts[i]) + 2; ++i) {
    text += "  " + parts[i];
    left -= Columns(parts[i]) + 2;
    if (i == 0 && known && left >= 60) {
      const std::string bar = Bar(share);
      text += " " + bar;
      left -= Columns(bar) + 1;
    }
  }
  return text;
}

std::string ProgressLine(const ProgressEvent& event) {
  const std::string rate = RateText(event);
  const std::string tail = rate.empty() ? "" : StrCat(" (", rate, ")");
  if (event.finished) {
    return StrCat(Printable(event.step), ": ", Amount(event.unit, event.done), " in ",
                  HumanDuration(event.seconds), tail);
  }
  return StrCat(Printable(event.step), ": ", Amount(event.unit, event.done),
                event.total > 0 ? " of " + Amount(event.unit, event.total) : "", tail);
}

}  // namespace ingot::core
