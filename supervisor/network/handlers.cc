#include "supervisor/network/handlers.h"

namespace warder::supervisor::network {

std::span<const HandlerEntry> handlers() { return {}; }

}  // namespace warder::supervisor::network
