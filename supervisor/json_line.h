// One JSON object on one line, written member by member. No privileges, no library.
//
// Bytes that are not UTF-8 (a path may hold any) are written as the code point of the same number, so that the line always
// parses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace warder::supervisor {

/// A JSON string literal, quotes included.
[[nodiscard]] std::string json_string(std::string_view bytes);

class JsonLine {
 public:
  void text(std::string_view name, std::string_view value) {
    begin(name);
    body_ += json_string(value);
  }
  void number(std::string_view name, std::int64_t value) {
    begin(name);
    body_ += std::to_string(value);
  }
  /// The members so far, without braces.
  [[nodiscard]] const std::string& members() const { return body_; }

 private:
  void begin(std::string_view name) {
    if (!body_.empty()) body_ += ',';
    body_ += json_string(name);
    body_ += ':';
  }
  std::string body_;
};

/// Seconds and milliseconds since 1970 as RFC 3339 in UTC. libc's conversion would read a file of the image (/etc/localtime).
[[nodiscard]] std::string utc_time(std::int64_t seconds, int milliseconds);

}  // namespace warder::supervisor
