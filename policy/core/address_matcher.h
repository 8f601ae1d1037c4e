// Which line of `network.connect` or `network.bind` decides an endpoint. Pure, no allocation.
#pragma once

#include "policy/core/address.h"
#include "policy/core/compiled_format.h"

namespace warder::policy {

class AddressMatcher {
 public:
  AddressMatcher(const std::byte* block, const format::AddressList& list) : block_(block), list_(list) {}

  /// The last line that matches, or nullptr.
  [[nodiscard]] const format::AddressEntry* deciding(const Endpoint& endpoint) const;
  /// The last line that names one of `endpoint.hosts`, whatever its transport and ports, or nullptr.
  [[nodiscard]] const format::AddressEntry* naming(const Endpoint& endpoint) const;
  /// Netlink addresses name no peer that a line could be about: `families` decides them alone.
  [[nodiscard]] static bool decided_by_family(const Endpoint& endpoint);

 private:
  [[nodiscard]] bool matches(const format::AddressEntry& entry, const Endpoint& endpoint) const;
  [[nodiscard]] bool name_matches(const format::AddressEntry& entry, std::string_view name) const;

  const std::byte* block_;
  const format::AddressList& list_;
};

}  // namespace warder::policy
