// The built-in hardening set (law 10): doors beside the door, which no profile has to name. Pure data.
//
// It is in force in every mode, audit and learn included, because a door left open would also escape the recording. A profile
// gives one call back with `syscalls: allow: [NAME]`; what more a profile may refuse is in the group `@strict`.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "policy/profile.h"

namespace warder::policy {

/// When a rule of the set is in force.
enum class HardeningScope : std::uint8_t {
  always,         ///< in every profile, the built-in default included
  with_paths,     ///< where a profile has `paths`: names must go on meaning something
  with_exec,      ///< where a profile refuses the exec right of any path
  with_mappings,  ///< where a profile says which files may be mapped executable
  with_network,   ///< where a profile has `network.connect` or `network.bind`
};

/// What about the call is refused. Arguments are compared as the kernel reads them: 32 bits where it takes an int.
enum class HardeningCondition : std::uint8_t {
  any,                 ///< the call itself
  new_user_namespace,  ///< CLONE_NEWUSER in the first argument
  terminal_injection,  ///< ioctl TIOCSTI, TIOCLINUX, TIOCSETD
  executable_memfd,    ///< memfd_create without MFD_NOEXEC_SEAL
  undivided_family,    ///< socket of AF_ALG or AF_VSOCK
  raw_transport,       ///< socket of a family or protocol in which an address of `network` means nothing
  peer_pidfd,          ///< SO_PEERPIDFD, SO_PASSPIDFD: a pidfd of who connected or sent, which may be the supervisor
  source_route,        ///< setsockopt that sends packets to a first hop instead of the address that was judged
};

struct HardeningRule {
  std::string_view call;  ///< a name of groups.h
  HardeningCondition condition = HardeningCondition::any;
  HardeningScope scope = HardeningScope::always;
  int error = 0;            ///< errno
  std::string_view reason;  ///< which door it is
  std::string_view breaks;  ///< what stops working, for the manual
};

[[nodiscard]] std::span<const HardeningRule> hardening_rules();

/// Does the rule's scope include this profile? (`syscalls: allow` is not looked at; ceilings neither.)
[[nodiscard]] bool hardening_applies(const HardeningRule& rule, const Profile& profile);

/// The rights that every path has, whose use nobody audits: calls that need only these need no look. All of them in a profile
/// without `paths`, none where anything is hidden.
[[nodiscard]] Rights rights_everywhere(const Profile& profile);

}  // namespace warder::policy
