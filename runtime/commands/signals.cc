// Parsing names of signals. No system calls.
#include "runtime/commands/signals.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

namespace warder::runtime {
namespace {

// The kernel's, not the C library's, which keeps the first two for itself.
constexpr int first_realtime = 32;
constexpr int last_signal = 64;
constexpr int libc_first_realtime = 34;

std::optional<int> parse_number(std::string_view digits, int least, int most) {
  int number = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (number < least || number > most) return std::nullopt;
  return number;
}

std::optional<int> parse_realtime(std::string_view name) {
  if (name == "RTMIN") return libc_first_realtime;
  if (name == "RTMAX") return last_signal;
  constexpr std::string_view from_first = "RTMIN+";
  constexpr std::string_view from_last = "RTMAX-";
  constexpr int span = last_signal - libc_first_realtime;
  if (name.starts_with(from_first)) {
    auto offset = parse_number(name.substr(from_first.size()), 0, span);
    return offset ? std::optional(libc_first_realtime + *offset) : std::nullopt;
  }
  if (name.starts_with(from_last)) {
    auto offset = parse_number(name.substr(from_last.size()), 0, span);
    return offset ? std::optional(last_signal - *offset) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> parse_signal(std::string_view word) {
  if (!word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) != 0) return parse_number(word, 0, last_signal);
  std::string name(word);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char letter) { return std::toupper(letter); });
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (auto realtime = parse_realtime(name)) return realtime;
  if (name == "IOT") return SIGABRT;
  if (name == "CLD") return SIGCHLD;
  if (name == "POLL") return SIGIO;
  for (int number = 1; number < first_realtime; ++number) {
    const char* known = ::sigabbrev_np(number);
    if (known != nullptr && name == known) return number;
  }
  return std::nullopt;
}

}  // namespace warder::runtime
