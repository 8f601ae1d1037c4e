// How a process puts itself under the profile and under the engine's filter. Workload and session modes, single-threaded.
//
// The order, and why:
//   1  attributes: session, keyring, labels, scheduling, limits; they need privileges and no filter in the way
//   2  the Landlock rules are opened (as root of the container, so that a directory the user cannot search can be named)
//   3  the user's ids, with the capabilities kept; no_new_privs where the plan has it
//   4  the Landlock domain, then warder's filter: both need no_new_privs or CAP_SYS_ADMIN
//   5  the listener goes to PID 1; until it is taken only read(2) and write(2) are used (law 8)
//   6  the engine's filter now, where no_new_privs is off (CAP_SYS_ADMIN is still there)
//   7  the final capabilities
//   8  the engine's filter only now, where no_new_privs is on, so that it needs to allow less
#pragma once

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/core/compiled.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// After it the calling process is the workload in everything but its program. `handover` is where the listener is announced.
/// On failure the process is half confined: report and exit.
Result<void> confine(const Boot& boot, const policy::Compiled& policy, BorrowedFd handover);

}  // namespace warder::supervisor
