// sched_setattr(2) for another process.
#pragma once

#include <sys/types.h>

#include "linux/process.h"

namespace warder::kernel {

/// `pid`: a thread of the caller's PID namespace; 0: the calling one. EPERM without CAP_SYS_NICE in its user namespace where the
/// settings are better than its own, and for SCHED_DEADLINE also where it may not use all CPUs.
Result<void> set_scheduler_of(pid_t pid, const SchedulerSettings& settings);

}  // namespace warder::kernel
