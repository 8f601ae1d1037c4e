// Signals and children of PID 1. Main thread.
//
// Whoever signals PID 1 means the workload (conmon and podman know no other pid), so PID 1 passes on whatever can be caught; the
// kernel then treats it as a signal to an init: without a handler it does nothing. Signals that a fault of our own code causes
// stay at their default: PID 1 dies, and the container with it.
#pragma once

#include <sys/types.h>

#include <optional>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::supervisor {

class ExecStop;

/// Blocks what is passed on and returns the descriptor that reports it; installs the workers' interruption handler. Before any
/// other thread exists.
Result<Fd> take_signals(BorrowedFd workload);

/// Reads what has come, passes it to the workload. True where children are to be looked at.
bool pass_signals(BorrowedFd signals, BorrowedFd workload);

/// Reaps. The workload's exit code (128+N for a signal) once it has ended. Stops of tracees that come up go to `tracer`.
std::optional<int> reap(pid_t workload, ExecStop& tracer);

}  // namespace warder::supervisor
