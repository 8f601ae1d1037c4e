#include "policy/network_coverage.h"

#include <set>

namespace warder::policy {
namespace {

bool covers_everything(const AddressRule& rule) {
  if (rule.transport == Transport::unix_path) return rule.name == "/**";
  if (rule.transport == Transport::unix_abstract) return rule.name == "**";
  return rule.any_address && rule.name.empty() && rule.port_low == 0 && rule.port_high == 65535;
}

}  // namespace

bool gives_all_addresses(const std::vector<AddressRule>& rules, Transport transport) {
  bool all = false;
  for (const auto& rule : rules) {
    if (rule.transport != transport) continue;
    if (!rule.allow) all = false;
    if (rule.allow && covers_everything(rule)) all = true;
  }
  return all;
}

std::optional<std::vector<std::uint16_t>> few_tcp_ports(const std::vector<AddressRule>& rules) {
  constexpr std::size_t few = 256;
  std::set<std::uint16_t> ports;
  for (const auto& rule : rules) {
    if (!rule.allow || rule.transport != Transport::tcp) continue;
    if (static_cast<std::size_t>(rule.port_high - rule.port_low) >= few) return std::nullopt;
    for (unsigned port = rule.port_low; port <= rule.port_high; ++port) ports.insert(static_cast<std::uint16_t>(port));
  }
  if (ports.size() > few) return std::nullopt;
  return std::vector<std::uint16_t>(ports.begin(), ports.end());
}

}  // namespace warder::policy
