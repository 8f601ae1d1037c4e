// Address rules compared as sets of far ends: for the override rule and the lints. Pure.
#pragma once

#include "policy/profile.h"

namespace warder::policy {

/// Does `outer` match every far end that `inner` matches? A DNS name is known only by its text.
[[nodiscard]] bool address_covers(const AddressRule& outer, const AddressRule& inner);
/// Is there a far end that both match?
[[nodiscard]] bool addresses_overlap(const AddressRule& a, const AddressRule& b);

}  // namespace warder::policy
