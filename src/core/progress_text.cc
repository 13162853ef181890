#include "core/progress_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "core/strings.h"

namespace ingot::core {
namespace {

// After this many seconds at a new speed, two thirds of the change show.
constexpr double kRateMemory = 4;
// The time left says nothing before a step has run this long.
constexpr double kEarliestEstimate = 1;
constexpr std::array<int, 3> kBarColumns = {30, 20, 10};  // the widest that fits
constexpr int kShortestName = 12;  // columns of a name that are kept rather than any other part

struct Range {
  char32_t first;
  char32_t last;
  int columns;
};
// Coarse, but right for what names are made of.
constexpr std::array<Range, 14> kOddWidths = {{{0x0300, 0x036F, 0},
                                               {0x1100, 0x115F, 2},
                                               {0x200B, 0x200F, 0},
                                               {0x20D0, 0x20FF, 0},
                                               {0x2E80, 0xA4CF, 2},
                                               {0xAC00, 0xD7A3, 2},
                                               {0xF900, 0xFAFF, 2},
                                               {0xFE00, 0xFE0F, 0},
                                               {0xFE20, 0xFE2F, 0},
                                               {0xFE30, 0xFE6F, 2},
                                               {0xFF01, 0xFF60, 2},
                                               {0xFFE0, 0xFFE6, 2},
                                               {0x1F300, 0x1FAFF, 2},
                                               {0x20000, 0x3FFFD, 2}}};

// Takes one character off the front of valid UTF-8.
std::string_view TakeCharacter(std::string_view& text) {
  size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) {
    ++length;
  }
  const std::string_view character = text.substr(0, length);
  text.remove_prefix(length);
  return character;
}

int CharacterColumns(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character.front());
  if (lead < 0x80) return 1;
  char32_t point = lead & (0x7F >> character.size());
  for (const char c : character.substr(1))
    point = point << 6 | (static_cast<unsigned char>(c) & 63);
  for (const Range& range : kOddWidths) {
    if (point >= range.first && point <= range.last) return range.columns;
  }
  return 1;
}

std::string Cut(const std::string& text, int columns, const BarStyle& style) {
  if (DisplayColumns(text) <= columns) return text;
  const std::string_view mark = style.unicode ? "…" : "~";
  std::string out;
  int left = columns - 1;  // the mark's own
  if (left < 0) return out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view character = TakeCharacter(rest);
    left -= CharacterColumns(character);
    if (left < 0) break;
    out += character;
  }
  return out.append(mark);
}

std::string Amount(ProgressUnit unit, uint64_t value) {
  return unit == ProgressUnit::kBytes ? HumanBytes(value) : StrCat(value);
}

std::string Amounts(const ProgressEvent& event) {
  const std::string done = Amount(event.unit, event.done);
  return event.total == 0 ? done : StrCat(done, " of ", Amount(event.unit, event.total));
}

std::string RateText(ProgressUnit unit, double rate) {
  if (!(rate > 0) || rate > 1e18) return "";
  if (unit == ProgressUnit::kItems && rate < 9.95) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f/s", rate);
    return text;
  }
  return Amount(unit, static_cast<uint64_t>(std::llround(rate))) + "/s";
}

std::string Remaining(const ProgressEvent& event, double rate) {
  if (event.total == 0) return HumanDuration(event.seconds);
  if (!(rate > 0) || event.total <= event.done || event.seconds < kEarliestEstimate) return "";
  return HumanDuration(static_cast<double>(event.total - event.done) / rate) + " left";
}

double Share(const ProgressEvent& event) {
  return std::min(1.0, static_cast<double>(event.done) / static_cast<double>(event.total));
}

// Rounded down: 100 means all.
int Percent(const ProgressEvent& event) { return static_cast<int>(Share(event) * 100); }

std::string Bar(double share, int columns, bool unicode) {
  static constexpr std::array<std::string_view, 8> kEighths = {"",  "▏", "▎", "▍",
                                                               "▌", "▋", "▊", "▉"};
  std::string bar = unicode ? "▕" : "[";
  const int eighths = static_cast<int>(share * columns * 8);
  for (int i = 0; i < columns; ++i) {
    const int filled = std::clamp(eighths - i * 8, 0, 8);
    if (!unicode) {
      bar += filled == 8 ? '#' : '.';
    } else if (filled == 8) {
      bar += "█";
    } else if (filled > 0) {
      bar += kEighths[static_cast<size_t>(filled)];
    } else {
      bar += ' ';
    }
  }
  return bar + (unicode ? "▏" : "]");
}

}  // namespace

double RateMeter::Update(uint64_t done, double seconds) {
  if (seconds < seconds_ || done < done_) *this = RateMeter();
  const double passed = seconds - seconds_;
  if (passed < 0.05) return rate_;
  const double now = static_cast<double>(done - done_) / passed;
  // The first measure stands for all the time before it.
  const double weight = seconds_ == 0 ? 1 : 1 - std::exp(-passed / kRateMemory);
  rate_ += weight * (now - rate_);
  done_ = done;
  seconds_ = seconds;
  return rate_;
}

int DisplayColumns(std::string_view text) {
  int columns = 0;
  while (!text.empty()) columns += CharacterColumns(TakeCharacter(text));
  return columns;
}

std::string ProgressBar(const ProgressEvent& event, double rate, const BarStyle& style) {
  const int wide = std::max(style.columns - 1, 0);  // a full last column would wrap
  if (event.finished) return Cut(ProgressLine(event, rate), wide, style);

  std::string percent;
  if (event.total > 0) {
    const int value = Percent(event);
    percent = StrCat(value < 10 ? "  " : value < 100 ? " " : "", value, "%");
  }
  std::string amounts = Amounts(event);
  std::string speed = RateText(event.unit, rate);
  std::string remaining = Remaining(event, rate);

  std::string name = Printable(event.step);
  int left = wide - std::min(DisplayColumns(name), kShortestName);
  // The most useful takes its place first; what does not fit is left out.
  for (std::string* part : {&percent, &remaining, &speed, &amounts}) {
    const int needed = DisplayColumns(*part) + 2;
    if (part->empty() || needed > left) {
      part->clear();
    } else {
      left -= needed;
    }
  }
  name = Cut(name, left + std::min(DisplayColumns(name), kShortestName), style);
  left -= std::max(0, DisplayColumns(name) - kShortestName);

  std::string bar;
  const auto fits = [&](int columns) { return columns + 4 <= left; };  // two ends, two spaces
  const auto* columns = std::find_if(kBarColumns.begin(), kBarColumns.end(), fits);
  if (event.total > 0 && columns != kBarColumns.end()) {
    bar = Bar(Share(event), *columns, style.unicode);
  }
  std::string text = name;
  for (const std::string* part : {&percent, &bar, &amounts, &speed, &remaining}) {
    if (!part->empty()) text += "  " + *part;
  }
  return text;
}

std::string ProgressLine(const ProgressEvent& event, double rate) {
  const std::string speed = RateText(event.unit, rate);
  std::string line = Printable(event.step) + ": ";
  if (!event.finished) {
    std::vector<std::string> parts;
    if (event.total > 0) parts.push_back(StrCat(Percent(event), "%"));
    for (const std::string& part : {Amounts(event), speed, Remaining(event, rate)}) {
      if (!part.empty()) parts.push_back(part);
    }
    return line + Join(parts, ", ");
  }
  const std::string took = HumanDuration(event.seconds);
  if (event.done < event.total)
    return line + StrCat("stopped at ", Amounts(event), " after ", took);
  if (event.done == 0) return line + StrCat("done in ", took);
  line += StrCat(Amount(event.unit, event.done), " in ", took);
  return speed.empty() ? line : StrCat(line, " (", speed, ")");
}

}  // namespace ingot::core
