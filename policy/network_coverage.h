// What can be said about a list of address rules without an address: transports that it leaves alone, ports that it names. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// True only where every address of the transport is allowed. May say false where it is so in a roundabout way.
[[nodiscard]] bool gives_all_addresses(const std::vector<AddressRule>& rules, Transport transport);

/// Which sections of a profile and its ceilings the kernel can enforce by programs of the container's cgroup
/// (policy/address_program.h), exactly and without asking the supervisor: all profiles that have the section are of `audit:
/// cheap`, enforce, name no hosts, leave UNIX sockets alone there, and have sockets of other transports refused by the hardening
/// set.
struct GuardableSections {
  bool connect = false;
  bool bind = false;
};
[[nodiscard]] GuardableSections guardable_sections(const std::vector<Profile>& chain);

/// True where a line of `network.connect` names a host by its DNS name.
[[nodiscard]] bool names_hosts(const Profile& profile);

/// The ports to which some line allows TCP, where they are few enough for a Landlock rule each; nothing where they are many.
[[nodiscard]] std::optional<std::vector<std::uint16_t>> few_tcp_ports(const std::vector<AddressRule>& rules);

}  // namespace warder::policy
