// What /etc/resolv.conf and /etc/hosts say, as far as PID 1 needs it. Pure; the text is the engine's, and read before the
// workload runs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/names/told_addresses.h"

namespace warder::supervisor::names {

struct ResolverConfiguration {
  std::vector<HostAddress> servers;   ///< at most max_servers; this host's loopback addresses where the text names none
  std::vector<std::string> searched;  ///< domains, lower case, without a dot at either end; at most max_searched
  static constexpr std::size_t max_servers = 8;
  static constexpr std::size_t max_searched = 16;
};
/// resolv.conf(5): `nameserver`, `search` and `domain`; the last of these two counts. Servers with an interface (fe80::1%eth0)
/// are left out, as is everything that cannot be understood.
[[nodiscard]] ResolverConfiguration parse_resolv_conf(std::string_view text);

/// hosts(5): addresses and names, the names in lower case.
[[nodiscard]] std::vector<std::pair<HostAddress, std::string>> parse_hosts(std::string_view text);

}  // namespace warder::supervisor::names
