// The log: levels, plain lines for people, JSON lines for machines, to standard error. Thread-safe;
// a line is written whole. Nothing secret goes in; text from outside is made printable here.
#ifndef INGOT_CORE_LOG_H_
#define INGOT_CORE_LOG_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ingot::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat { kText, kJson };

std::optional<LogLevel> ParseLogLevel(std::string_view text);  // "debug", "info", "warn", …

struct LogField {
  std::string_view key;
  std::string value;
};

// Set once at start-up (from INGOT_LOG, INGOT_LOG_FORMAT or flags); defaults: warnings, text.
void ConfigureLog(LogLevel level, LogFormat format);
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

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
