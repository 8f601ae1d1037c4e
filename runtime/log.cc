// Writing log lines. The host process of a command.
#include "runtime/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace warder::runtime {
namespace {

std::string_view level_word(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "error";
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// One write(2), so that lines of parallel commands do not mix. There is nobody to tell when the log itself fails.
void write_line(int fd, const std::string& line) {
  if (::write(fd, line.data(), line.size()) < 0) return;
}

}  // namespace

std::string timestamp_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec, now.tv_nsec);
}

Result<Log> Log::open(std::string_view destination, LogFormat format, LogLevel level) {
  Log log;
  log.format_ = format;
  log.level_ = level;
  for (std::string_view prefix : {"journald:", "syslog:"}) {
    if (destination.starts_with(prefix)) {
      return Error::user(fmt::format("--log {}: warder logs to files only; accepted: PATH or file:PATH", destination));
    }
  }
  constexpr std::string_view file_prefix = "file:";
  if (destination.starts_with(file_prefix)) destination.remove_prefix(file_prefix.size());
  if (destination.empty() || destination == "/dev/stderr") return log;
  std::string path(destination);
  log.file_ = Fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644));
  if (!log.file_) return Error::syscall(fmt::format("--log: open '{}'", path));
  return log;
}

void Log::error(std::string_view text) const {
  write(LogLevel::error, text);
  if (file_) write_line(STDERR_FILENO, fmt::format("warder: {}\n", text));
}

void Log::write(LogLevel level, std::string_view text) const {
  if (level > level_) return;
  int fd = file_ ? file_.get() : STDERR_FILENO;
  if (format_ == LogFormat::json) {
    write_line(fd, fmt::format("{{\"level\":\"{}\",\"msg\":{},\"time\":\"{}\"}}\n", level_word(level), json_text(text),
                               timestamp_now()));
  } else if (file_ || level == LogLevel::debug) {
    write_line(fd, fmt::format("time=\"{}\" level={} msg={}\n", timestamp_now(), level_word(level), json_text(text)));
  } else {
    std::string_view mark = level == LogLevel::error ? "" : level_word(level);
    write_line(fd, fmt::format("warder: {}{}{}\n", mark, mark.empty() ? "" : ": ", text));
  }
}

}  // namespace warder::runtime
