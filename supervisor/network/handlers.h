// The system calls about sockets, and who answers them. Workers of PID 1.
#pragma once

#include <span>

#include "supervisor/dispatch.h"

namespace warder::supervisor::network {

[[nodiscard]] std::span<const HandlerEntry> handlers();

}  // namespace warder::supervisor::network
