// The loopback device of a fresh network namespace. A process in that namespace with CAP_NET_ADMIN over it.
#pragma once

#include "linux/result.h"

namespace warder::kernel {

/// Sets "lo" up; it gets its addresses by that.
Result<void> bring_loopback_up();

}  // namespace warder::kernel
