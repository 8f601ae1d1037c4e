// Which transports a list of address rules leaves alone, so that their calls need no look. Pure.
#pragma once

#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// True only where every address of the transport is allowed. May say false where it is so in a roundabout way.
[[nodiscard]] bool gives_all_addresses(const std::vector<AddressRule>& rules, Transport transport);

}  // namespace warder::policy
