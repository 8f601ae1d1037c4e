#include "supervisor/json_line.h"

#include <array>
#include <cstdio>

namespace warder::supervisor {
namespace {

/// How many bytes of a well-formed UTF-8 sequence stand at the start; 0 where none does.
std::size_t utf8_length(std::string_view bytes) {
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(bytes[index]); };
  const unsigned first = byte(0);
  std::size_t length = 0;
  std::uint32_t smallest = 0;
  std::uint32_t point = 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0)
    length = 2, smallest = 0x80, point = first & 0x1fU;
  else if (first >= 0xe0 && first < 0xf0)
    length = 3, smallest = 0x800, point = first & 0x0fU;
  else if (first >= 0xf0 && first < 0xf5)
    length = 4, smallest = 0x10000, point = first & 0x07U;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0U) != 0x80) return 0;
    point = point << 6U | (byte(index) & 0x3fU);
  }
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  return point < smallest || surrogate || point > 0x10ffff ? 0 : length;
}

void append_escaped(std::string& text, unsigned value) {
  std::array<char, 8> escaped;
  std::snprintf(escaped.data(), escaped.size(), "\\u%04x", value);
  text += escaped.data();
}

}  // namespace

std::string json_string(std::string_view bytes) {
  std::string text = "\"";
  while (!bytes.empty()) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    const std::size_t length = utf8_length(bytes);
    if (first == '"' || first == '\\') {
      text += '\\';
      text += bytes[0];
    } else if (first < 0x20 || first == 0x7f || length == 0) {
      append_escaped(text, first);
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  text += '"';
  return text;
}

std::string utc_time(std::int64_t seconds, int milliseconds) {
  constexpr std::int64_t day = 86400;
  const std::int64_t of_day = seconds % day;
  // Days since 0000-03-01: years then end with the leap day (Hinnant, "chrono-compatible low-level date algorithms").
  const std::int64_t days = seconds / day + 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const std::int64_t of_month = of_year - (153 * month + 2) / 5 + 1;
  const std::int64_t calendar_month = month < 10 ? month + 3 : month - 9;
  const std::int64_t year = year_of_era + era * 400 + (calendar_month <= 2 ? 1 : 0);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(year),
                static_cast<int>(calendar_month), static_cast<int>(of_month), static_cast<int>(of_day / 3600),
                static_cast<int>(of_day / 60 % 60), static_cast<int>(of_day % 60), milliseconds);
  return text.data();
}

}  // namespace warder::supervisor
