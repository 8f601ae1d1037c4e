// Where warder's own messages go: --log, --log-format, --log-level. The host process of a command.
//
// Callers read this: podman parses the whole JSON log as ONE object, containerd takes the last error of a stream, conmon and
// CRI-O read stderr. So at the default level nothing but the final error is ever written, and it is written once to each place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

enum class LogLevel : std::uint8_t { error, warning, info, debug };
enum class LogFormat : std::uint8_t { text, json };

class Log {
 public:
  Log() = default;

  /// `destination`: "" (stderr), a path or "file:PATH". journald: and syslog: are refused.
  static Result<Log> open(std::string_view destination, LogFormat format, LogLevel level);

  /// The one error a command ends with, or one that it cannot end with; goes to the log and, where that is a file, to stderr as
  /// well.
  void error(std::string_view text) const;
  void warning(std::string_view text) const { write(LogLevel::warning, text); }
  void info(std::string_view text) const { write(LogLevel::info, text); }
  void debug(std::string_view text) const { write(LogLevel::debug, text); }

 private:
  void write(LogLevel level, std::string_view text) const;

  Fd file_;  ///< invalid: stderr
  LogFormat format_ = LogFormat::text;
  LogLevel level_ = LogLevel::error;
};

/// Now, as RFC 3339 with nanoseconds in UTC.
[[nodiscard]] std::string timestamp_now();

}  // namespace warder::runtime
