#include "policy/address_sets.h"

#include <span>

#include "policy/pattern_sets.h"

namespace warder::policy {
namespace {

bool prefix_covers(const AddressRule& outer, const AddressRule& inner) {
  if (outer.any_address) return true;
  if (inner.any_address || outer.ipv6 != inner.ipv6 || outer.prefix > inner.prefix) return false;
  for (unsigned bit = 0; bit < outer.prefix; ++bit) {
    if (((outer.address[bit / 8] ^ inner.address[bit / 8]) >> (7 - bit % 8) & 1U) != 0) return false;
  }
  return true;
}

bool is_pattern(const AddressRule& rule) {
  return rule.transport == Transport::unix_path || rule.transport == Transport::unix_abstract;
}

}  // namespace

bool address_covers(const AddressRule& outer, const AddressRule& inner) {
  if (outer.transport != inner.transport) return false;
  if (is_pattern(outer)) return patterns_cover(std::span(&outer.name, 1), inner.name);
  if (outer.port_low > inner.port_low || outer.port_high < inner.port_high) return false;
  if (!outer.name.empty() || !inner.name.empty()) return outer.name == inner.name;
  return prefix_covers(outer, inner);
}

bool addresses_overlap(const AddressRule& a, const AddressRule& b) {
  if (a.transport != b.transport) return false;
  if (is_pattern(a)) return patterns_overlap(a.name, b.name);
  if (a.port_low > b.port_high || b.port_low > a.port_high) return false;
  if (!a.name.empty() || !b.name.empty()) return a.name == b.name;
  return prefix_covers(a, b) || prefix_covers(b, a);
}

}  // namespace warder::policy
