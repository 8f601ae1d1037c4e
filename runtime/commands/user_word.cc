// Parsing numeric users. No system calls.
#include "runtime/commands/user_word.h"

#include <charconv>

namespace warder::runtime {

std::optional<std::uint32_t> parse_id(std::string_view word) {
  constexpr std::uint32_t invalid = 0xFFFFFFFF;  // (uid_t)-1: "leave as it is" to the kernel
  std::uint32_t number = invalid;
  auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (failure != std::errc{} || end != word.data() + word.size() || number == invalid) return std::nullopt;
  if (word.size() > 1 && word.front() == '0') return std::nullopt;
  return number;
}

std::optional<UserWord> parse_user(std::string_view word) {
  std::size_t colon = word.find(':');
  auto uid = parse_id(word.substr(0, colon));
  if (!uid) return std::nullopt;
  if (colon == std::string_view::npos) return UserWord{.uid = *uid, .gid = std::nullopt};
  auto gid = parse_id(word.substr(colon + 1));
  if (!gid) return std::nullopt;
  return UserWord{.uid = *uid, .gid = *gid};
}

}  // namespace warder::runtime
