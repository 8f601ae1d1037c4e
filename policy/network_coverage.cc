#include "policy/network_coverage.h"

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

}  // namespace warder::policy
