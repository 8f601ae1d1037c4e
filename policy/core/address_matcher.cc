#include "policy/core/address_matcher.h"

#include <sys/socket.h>

#include <algorithm>
#include <bitset>

#include "policy/core/matcher.h"

namespace warder::policy {
namespace {

bool same_prefix(const std::uint8_t* a, const std::uint8_t* b, unsigned bits) {
  const unsigned whole = bits / 8;
  for (unsigned i = 0; i < whole; ++i) {
    if (a[i] != b[i]) return false;
  }
  return bits % 8 == 0 || (a[whole] ^ b[whole]) >> (8 - bits % 8) == 0;
}

using Positions = std::bitset<format::max_name_tokens + 1>;

/// Adds the positions that are reached without a byte. Tokens only lead forward, so one pass is enough.
void settle(std::span<const format::NameToken> tokens, Positions& positions) {
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (!positions.test(at)) continue;
    const auto kind = tokens[at].kind;
    if (kind == format::NameTokenKind::star || kind == format::NameTokenKind::across) positions.set(at + 1);
    if (kind == format::NameTokenKind::deep_start) {
      positions.set(at + 1);
      if (at + 2 <= tokens.size()) positions.set(at + 2);
    }
  }
}

void feed(std::span<const format::NameToken> tokens, Positions& positions, unsigned char byte) {
  Positions next;
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (!positions.test(at)) continue;
    const auto& token = tokens[at];
    switch (token.kind) {
      case format::NameTokenKind::byte:
        if (token.value == byte) next.set(at + 1);
        break;
      case format::NameTokenKind::any:
        if (byte != '/') next.set(at + 1);
        break;
      case format::NameTokenKind::byte_class:
        if ((token.bytes.bits[byte / 64] >> (byte % 64) & 1) != 0) next.set(at + 1);
        break;
      case format::NameTokenKind::star:
        if (byte != '/') next.set(at);
        break;
      case format::NameTokenKind::across:
      case format::NameTokenKind::tree_below:
        next.set(at);
        break;
      case format::NameTokenKind::deep_start:
        break;
      case format::NameTokenKind::deep_loop:
        next.set(at);
        if (byte == '/') next.set(at + 1);
        break;
      case format::NameTokenKind::tree_top:
        if (byte == '/') next.set(at + 1);
        break;
    }
  }
  positions = next;
  settle(tokens, positions);
}

}  // namespace

bool AddressMatcher::decided_by_family(const Endpoint& endpoint) {
  return endpoint.transport == Transport::other && endpoint.family == AF_NETLINK;
}

bool AddressMatcher::name_matches(const format::AddressEntry& entry, std::string_view name) const {
  const auto tokens = format::elements<format::NameToken>(block_, entry.tokens);
  Positions positions;
  positions.set(0);
  settle(tokens, positions);
  for (const char byte : name) feed(tokens, positions, static_cast<unsigned char>(byte));
  if (positions.test(tokens.size())) return true;
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    const auto kind = tokens[at].kind;
    const bool ends = kind == format::NameTokenKind::tree_top || kind == format::NameTokenKind::tree_below;
    if (ends && positions.test(at)) return true;
  }
  return false;
}

bool AddressMatcher::matches(const format::AddressEntry& entry, const Endpoint& endpoint) const {
  if (entry.transport != static_cast<std::uint32_t>(endpoint.transport)) return false;
  switch (entry.kind) {
    case format::AddressKind::path:
      return false;  // all path patterns are one trie
    case format::AddressKind::abstract:
      return name_matches(entry, endpoint.name);
    case format::AddressKind::internet:
      break;
  }
  if (endpoint.port < entry.port_low || endpoint.port > entry.port_high) return false;
  if (entry.host.count != 0) return std::ranges::find(endpoint.hosts, format::text(block_, entry.host)) != endpoint.hosts.end();
  if (entry.any_address != 0) return true;
  return (entry.ipv6 != 0) == endpoint.ipv6 && same_prefix(entry.address, endpoint.address.data(), entry.prefix);
}

const format::AddressEntry* AddressMatcher::deciding(const Endpoint& endpoint) const {
  const auto rules = format::elements<format::AddressEntry>(block_, list_.rules);
  if (endpoint.transport == Transport::unix_path) {
    const TrieView trie(block_, list_.paths);
    Walk walk(trie);
    walk.descend(endpoint.name);
    const std::uint32_t entry = walk.deciding();
    if (walk.overflowed() || entry == format::none) return nullptr;
    return &rules[trie.entries()[entry].rule];
  }
  for (std::size_t i = rules.size(); i > 0; --i) {
    if (matches(rules[i - 1], endpoint)) return &rules[i - 1];
  }
  return nullptr;
}

const format::AddressEntry* AddressMatcher::naming(const Endpoint& endpoint) const {
  const auto rules = format::elements<format::AddressEntry>(block_, list_.rules);
  for (std::size_t i = rules.size(); i > 0; --i) {
    const format::AddressEntry& entry = rules[i - 1];
    if (entry.host.count == 0) continue;
    if (std::ranges::find(endpoint.hosts, format::text(block_, entry.host)) != endpoint.hosts.end()) return &entry;
  }
  return nullptr;
}

}  // namespace warder::policy
