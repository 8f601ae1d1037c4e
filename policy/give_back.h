// The override rule: what a lower layer took away, a higher one may not give back unless it says so. Pure; for layers.cc.
#pragma once

#include <string>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// Of a merged profile: an entry of a higher layer that covers a stricter entry of a lower layer, or that reaches into one which
/// had itself taken rights from an earlier entry, is an error unless it says `override: true` or later entries take it back
/// again.
void find_paths_given_back(const Profile& profile, std::vector<Finding>& findings);
/// The same for addresses: an allowing line that reaches what a lower layer denied.
void find_addresses_given_back(const std::optional<std::vector<AddressRule>>& rules, std::vector<Finding>& findings);
/// Calls that `lower` denies and `upper` allows.
void find_calls_given_back(const std::vector<SyscallRule>& lower, const std::vector<SyscallRule>& upper,
                           std::vector<Finding>& findings);

/// "FILE:LINE"
[[nodiscard]] std::string give_back_place(const Source& source);

}  // namespace warder::policy
