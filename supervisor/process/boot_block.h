// Takes the Boot block over from the runtime. Every mode of warder-init, first thing.
#pragma once

#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// Reads boot_fd. Refuses a block that is not sealed: nobody may be able to change what is enforced.
Result<Boot> load_boot();

}  // namespace warder::supervisor
