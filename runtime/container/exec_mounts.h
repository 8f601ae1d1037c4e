// The mounts behind `executable-mappings: exec` (policy/exec_mounts.h). P2, in the container's mount namespace, after everything
// else is mounted.
#pragma once

#include <span>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/core/compiled.h"

namespace warder::runtime {

/// Makes whole trees noexec, and keeps others as executable as they were: from such a mount no file can be executed, nor mapped
/// executable by mmap(2) or mprotect(2). No flag that config.json has set is ever taken away. A rule whose path is not there is
/// an error; a symbolic link is one, too, unless the profile keeps it as it is. CAP_SYS_ADMIN over the mount namespace.
Result<void> make_exec_mounts(BorrowedFd root, std::span<const policy::ExecMountRule> rules);

}  // namespace warder::runtime
