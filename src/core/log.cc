#include "core/log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/json.h"
#include "core/strings.h"

namespace ingot::core {
namespace {

constexpr size_t kLongestText = 4000;  // bytes of a message or a value that are worth a line

template <typename Value>
struct Named {
  Value value;
  std::string_view name;
  std::string_view other;  // understood too
};
constexpr std::array<Named<LogLevel>, 5> kLevels = {{{LogLevel::kDebug, "debug", "trace"},
                                                     {LogLevel::kInfo, "info", "information"},
                                                     {LogLevel::kWarning, "warn", "warning"},
                                                     {LogLevel::kError, "error", "err"},
                                                     {LogLevel::kOff, "off", "none"}}};
constexpr std::array<Named<LogFormat>, 3> kFormats = {{{LogFormat::kText, "text", "plain"},
                                                       {LogFormat::kTimed, "timed", "time"},
                                                       {LogFormat::kJson, "json", "jsonl"}}};

template <typename Value, size_t kCount>
std::optional<Value> Find(const std::array<Named<Value>, kCount>& table, std::string_view text) {
  for (const Named<Value>& entry : table) {
    if (EqualsIgnoreCase(text, entry.name) || EqualsIgnoreCase(text, entry.other)) {
      return entry.value;
    }
  }
  return std::nullopt;
}

std::string_view NameOf(LogLevel level) { return kLevels[static_cast<size_t>(level)].name; }

std::atomic<LogLevel> least_level{LogLevel::kWarning};
std::atomic<LogFormat> line_format{LogFormat::kText};

struct Writer {
  std::mutex lock;  // one line at a time, whoever writes it
  std::function<void(std::string_view)> write;
};

// Never destroyed: threads may log while the process runs its exit handlers.
Writer& TheWriter() {
  static Writer& writer = *std::make_unique<Writer>().release();
  return writer;
}

// One call a line, so that lines of different processes do not mix either; more only where the
// system took less than all. A log that cannot be written is no reason to fail.
void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    line.remove_prefix(static_cast<size_t>(written));
  }
}

// Bare where it reads as one word, else in quotes.
std::string FieldValue(const std::string& value) {
  const bool word = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=';
  });
  return word ? Printable(value, kLongestText) : Quoted(value, kLongestText);
}

std::string TextLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  std::string line = StrCat(NameOf(level), ": ", Printable(message, kLongestText));
  for (const LogField& field : fields) {
    line += StrCat(" ", field.key, "=", FieldValue(field.value));
  }
  return line + "\n";
}

std::string JsonLine(int64_t wall_ns, LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
  Json line = {{"time", Rfc3339Millis(wall_ns)},
               {"level", NameOf(level)},
               {"message", message.substr(0, kLongestText)}};
  for (const LogField& field : fields) {
    // A field never replaces what every line has.
    std::string key(field.key);
    while (line.contains(key)) key += '_';
    line[key] = field.value.substr(0, kLongestText);
  }
  // All in ASCII: the file may end up on a terminal.
  return line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view text) { return Find(kLevels, text); }
std::optional<LogFormat> ParseLogFormat(std::string_view text) { return Find(kFormats, text); }

void ConfigureLog(LogLevel level, LogFormat format) {
  least_level.store(level);
  line_format.store(format);
}

bool LogEnabled(LogLevel level) {
  return level >= least_level.load(std::memory_order_relaxed) && level != LogLevel::kOff;
}

std::string FormatLogLine(LogFormat format, int64_t wall_ns, LogLevel level,
                          std::string_view message, std::initializer_list<LogField> fields) {
  if (format == LogFormat::kJson) return JsonLine(wall_ns, level, message, fields);
  const std::string line = TextLine(level, message, fields);
  return format == LogFormat::kTimed ? StrCat(Rfc3339Millis(wall_ns), " ", line) : line;
}

void SetLogWriter(std::function<void(std::string_view line)> writer) {
  Writer& the = TheWriter();
  const std::lock_guard<std::mutex> hold(the.lock);
  the.write = std::move(writer);
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  const std::string line =
      FormatLogLine(line_format.load(), Clock::System().WallNs(), level, message, fields);
  Writer& the = TheWriter();
  const std::lock_guard<std::mutex> hold(the.lock);
  if (the.write) {
    the.write(line);
  } else {
    WriteToStandardError(line);
  }
}

}  // namespace ingot::core
