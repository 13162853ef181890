#include "core/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "core/clock.h"
#include "core/json.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr size_t kLongestText = 4000;  // bytes of a message or a value that are worth a line

struct LevelName {
  LogLevel level;
  std::string_view name;
  std::string_view other;
};
constexpr std::array<LevelName, 5> kLevels = {{{LogLevel::kDebug, "debug", "trace"},
                                               {LogLevel::kInfo, "info", "information"},
                                               {LogLevel::kWarning, "warn", "warning"},
                                               {LogLevel::kError, "error", "err"},
                                               {LogLevel::kOff, "off", "none"}}};

std::string_view NameOf(LogLevel level) { return kLevels[static_cast<size_t>(level)].name; }

std::atomic<LogLevel> least_level{LogLevel::kWarning};
std::atomic<LogFormat> line_format{LogFormat::kText};

std::string TextLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = StrCat(NameOf(level), ": ", Printable(message, kLongestText));
  for (const LogField& field : fields) {
    line += StrCat(" ", field.key, "=", Printable(field.value, kLongestText));
  }
  return line + "\n";
}

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  Json line = {{"time", Rfc3339(Clock::System().WallNs())},
               {"level", NameOf(level)},
               {"message", message.substr(0, kLongestText)}};
  for (const LogField& field : fields) {
    line[std::string(field.key)] = field.value.substr(0, kLongestText);
  }
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view text) {
  for (const LevelName& level : kLevels) {
    if (EqualsIgnoreCase(text, level.name) || EqualsIgnoreCase(text, level.other)) {
      return level.level;
    }
  }
  return std::nullopt;
}

void ConfigureLog(LogLevel level, LogFormat format) {
  least_level.store(level);
  line_format.store(format);
}

bool LogEnabled(LogLevel level) {
  return level >= least_level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const std::string line = line_format.load() == LogFormat::kJson
                               ? JsonLine(level, message, fields)
                               : TextLine(level, message, fields);
  // One write a line, so that lines of different threads and processes do not mix. A log that
  // cannot be written is no reason to fail.
  while (write(STDERR_FILENO, line.data(), line.size()) < 0 && errno == EINTR) {
  }
}

}  // namespace ingot::core
