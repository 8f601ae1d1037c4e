// Which system calls the seccomp program refuses, which it hands to the supervisor, and because of which line. Pure.
#pragma once

#include <vector>

#include "policy/compiled_writer.h"
#include "policy/filter.h"
#include "policy/lower.h"
#include "policy/network_coverage.h"

namespace warder::policy {

/// What others than the seccomp program enforce, so that calls which need only that are not trapped.
struct EnforcedElsewhere {
  Rights rights;  ///< refusals of these rights happen in Landlock or by mounts, exactly
  bool checks_exec = false;
};

struct CallLowering {
  std::vector<FilterRule> rules;  ///< those of one number in the order they are asked
  std::vector<CallReport> reports;
  std::vector<std::vector<CompiledRefusal>> refusals;  ///< of each profile of the chain
  std::vector<std::uint8_t> undivided;                 ///< of each profile: its hardening refuses AF_ALG and AF_VSOCK
  std::vector<std::uint8_t> unaddressed;               ///< of each profile: … and families whose peers `network` cannot name
  bool needs_listener = false;
};

/// `chain`: ceilings in the order they are asked, the profile last; `elsewhere` belongs to each of them.
[[nodiscard]] CallLowering lower_calls(const std::vector<const Profile*>& chain, const std::vector<EnforcedElsewhere>& elsewhere,
                                       const GuardableSections& guarded);

/// The line that takes `right` away from some path, or lets its use be logged; the section where no entry gives it.
[[nodiscard]] const Source& taken_away_by(const Profile& profile, Rights rights);

}  // namespace warder::policy
