// startContainer hooks: programs of the container that run right before the workload, under its confinement. Workload mode.
#pragma once

#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// Runs them one after the other: their own env only, the state on standard input, no descriptor but stdio. What they print goes
/// to hook_output_fd and hook_error_fd where the runtime has left these, otherwise to the container's own. The first one that
/// fails, or outlives its timeout (it is killed then), is the error.
Result<void> run_start_hooks(const ProcessPlan& plan);

}  // namespace warder::supervisor
