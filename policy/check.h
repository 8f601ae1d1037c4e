// Lints of a merged profile: what is allowed by the language but probably not meant. Pure.
#pragma once

#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// Entries that can never decide because later ones cover them, contradictory lines, over-broad grants, sections that say
/// nothing.
[[nodiscard]] std::vector<Finding> lint_profile(const Profile& profile);

}  // namespace warder::policy
