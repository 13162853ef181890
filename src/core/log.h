// The log: levels, plain lines for people, JSON lines for machines, to standard error. Thread-safe;
// a line is written whole, above a progress bar if one is drawn there. Nothing secret goes in; text
// from outside is made printable here.
#ifndef INGOT_CORE_LOG_H_
#define INGOT_CORE_LOG_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace ingot::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat {
  kText,   // warn: message key=value
  kTimed,  // 2026-11-21T08:15:30.125Z warn: message key=value
  kJson,   // {"time":…,"level":…,"message":…,"key":"value"}
};

std::optional<LogLevel> ParseLogLevel(std::string_view text);    // debug, info, warn, error, off
std::optional<LogFormat> ParseLogFormat(std::string_view text);  // text, timed, json

struct LogField {
  std::string_view key;
  std::string value;
};

// Set once at start-up (from INGOT_LOG, INGOT_LOG_FORMAT or flags); defaults: warnings, text.
void ConfigureLog(LogLevel level, LogFormat format);
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// The line that Log writes, with its newline.
std::string FormatLogLine(LogFormat format, int64_t wall_ns, LogLevel level,
                          std::string_view message, std::initializer_list<LogField> fields);

// Lines go to writer instead of standard error: for whoever draws there. It is called by one thread
// at a time, and must not log. An empty function takes it back.
void SetLogWriter(std::function<void(std::string_view line)> writer);

inline void LogDebug(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

}  // namespace ingot::core

#endif  // INGOT_CORE_LOG_H_
