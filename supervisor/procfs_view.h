// Which number a caller has on a given procfs, and whether PID 1 can be seen there. Workers of PID 1.
//
// A container sees a procfs of its own PID namespace; others may be mounted besides (the host's /proc as a volume). PID 1 knows
// its callers' pids from its own namespace inwards, so it can say who "self" is on every procfs but those of namespaces above its
// own.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "supervisor/caller.h"

namespace warder::supervisor {

/// True for the root directory of a procfs.
bool is_procfs_root(BorrowedFd fd);

/// The level in NamespacePids at which this procfs counts; -1 where it is of a namespace above PID 1's, or shows none of ours.
int procfs_level(Caller& caller, BorrowedFd procfs_root);

/// Whether this name in the root of a procfs is PID 1 or one of its threads.
bool is_supervisor(BorrowedFd procfs_root, const char* name);

/// The root directory of the procfs that a descriptor is on.
Fd root_of_procfs(BorrowedFd fd);

}  // namespace warder::supervisor
