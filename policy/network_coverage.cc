#include "policy/network_coverage.h"

#include <sys/syscall.h>

#include <algorithm>
#include <set>

#include "policy/address_program.h"

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

bool names_hosts(const Profile& profile) {
  const auto& rules = profile.network.connect;
  return rules && std::ranges::any_of(*rules, [](const AddressRule& rule) {
           return (rule.transport == Transport::tcp || rule.transport == Transport::udp) && !rule.name.empty();
         });
}

namespace {

/// Without the hardening of this call there are sockets that the programs do not see.
bool gives_sockets_back(const Profile& profile) {
  return std::ranges::any_of(profile.syscalls, [](const SyscallRule& rule) {
    return rule.allow && std::ranges::find(rule.numbers, SYS_socket) != rule.numbers.end();
  });
}

}  // namespace

GuardableSections guardable_sections(const std::vector<Profile>& chain) {
  constexpr std::size_t most_rules = 64;  // the verifier walks every branch, and the program every rule
  const auto all_can = [&chain](auto section) {
    bool any = false;
    std::size_t rules = 0;
    for (const Profile& one : chain) {
      if (one.mode == Mode::learn || one.live) return false;
      const auto& list = one.network.*section;
      if (!list) continue;
      any = true;
      rules += list->size();
      const bool cheap = one.mode == Mode::enforce && one.audit == Audit::cheap && one.on_deny.action == DenyAction::refuse;
      const bool gives_unix =
          gives_all_addresses(*list, Transport::unix_path) && gives_all_addresses(*list, Transport::unix_abstract);
      if (!cheap || !gives_unix || !one.hardening || gives_sockets_back(one) || names_hosts(one)) return false;
    }
    return any && rules <= most_rules;
  };
  return {all_can(&Network::connect), all_can(&Network::bind)};
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
