// What a process gives itself before it is confined: session, terminal, keyring, labels, scheduling, limits. Workload and session
// modes, with all capabilities of the container's user namespace and no image code around.
#pragma once

#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// A session of its own (so that no terminal of the caller can be reached, TIOCSTI included), with the console as its
/// controlling terminal where the plan has one.
Result<void> lead_session(const ProcessPlan& plan);

/// lead_session(), then a keyring of its own.
Result<void> begin_session(const ProcessPlan& plan);

/// The LSM label of the next execve; a child made by clone(2) inherits it. Written through the container's /proc only after it
/// has proved to be one and to be of this process's PID namespace: a fake /proc in an image must not swallow the label.
Result<void> label_next_exec(const ProcessPlan& plan);

/// Affinity, scheduler, io priority and personality.
Result<void> set_scheduling(const ProcessPlan& plan);

/// Resource limits. Raising a hard limit needs CAP_SYS_RESOURCE in the initial user namespace.
Result<void> set_limits(const ProcessPlan& plan);

}  // namespace warder::supervisor
