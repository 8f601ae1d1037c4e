// The profile as it applies to one container: patterns with canonical literal starts, host names as addresses. Pure but for the
// callbacks of ContainerFacts.
#pragma once

#include "policy/lower.h"

namespace warder::policy {

/// The same profile (its ceiling left out) with every entry of `paths` written out for this container: alternatives apart, one
/// entry each with the source of the original; `/bin/**` as `/usr/bin/**` and, for the link itself, `/bin`. Host names of
/// `network` become one rule per address. Errors name file and line.
[[nodiscard]] Result<Profile> canonical_profile(const Profile& profile, const ContainerFacts& container);

/// The brace-free patterns that stand for `pattern` in this container.
[[nodiscard]] std::vector<std::string> canonical_patterns(std::string_view pattern, const ContainerFacts& container);

}  // namespace warder::policy
