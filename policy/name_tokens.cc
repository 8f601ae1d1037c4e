#include "policy/name_tokens.h"

namespace warder::policy {

format::ByteClass read_class(std::string_view pattern, std::size_t& at) {
  format::ByteClass found;
  ++at;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  const auto take = [&] {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    return static_cast<unsigned char>(pattern[at++]);
  };
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const unsigned low = take();
    unsigned high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']') {
      ++at;
      high = take();
    }
    for (unsigned byte = low; byte <= high; ++byte) found.bits[byte / 64] |= 1ULL << (byte % 64);
  }
  if (at < pattern.size()) ++at;
  if (negated) {
    for (auto& word : found.bits) word = ~word;
  }
  found.bits['/' / 64] &= ~(1ULL << ('/' % 64));
  return found;
}

std::vector<format::NameToken> name_tokens(std::string_view pattern) {
  using Kind = format::NameTokenKind;
  std::vector<format::NameToken> tokens;
  const auto add = [&](Kind kind) { tokens.push_back({kind, 0, {}}); };
  const auto add_byte = [&](char byte) { tokens.push_back({Kind::byte, static_cast<unsigned char>(byte), {}}); };
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest == "/**") {
      add(Kind::tree_top);
      add(Kind::tree_below);
      break;
    }
    if (rest.starts_with("/**/")) {
      add_byte('/');
      add(Kind::deep_start);
      add(Kind::deep_loop);
      at += 4;
    } else if (rest.starts_with("**")) {
      add(Kind::across);
      at += 2;
    } else if (rest[0] == '*') {
      add(Kind::star);
      ++at;
    } else if (rest[0] == '?') {
      add(Kind::any);
      ++at;
    } else if (rest[0] == '[') {
      const auto bytes = read_class(pattern, at);
      tokens.push_back({Kind::byte_class, 0, bytes});
    } else {
      if (rest[0] == '\\' && rest.size() > 1) ++at;
      add_byte(pattern[at]);
      ++at;
    }
  }
  return tokens;
}

}  // namespace warder::policy
