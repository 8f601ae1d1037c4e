// A child that is born in namespaces which its parent does not enter. P0 and P1, single-threaded.
#pragma once

#include <cstdint>
#include <vector>

#include "linux/clone.h"
#include "linux/result.h"
#include "runtime/container/namespaces.h"

namespace warder::runtime {

/// clone3(2) with `flags`, in the joined namespaces.
///
/// An intermediate process joins them, because setns(2) to a PID namespace would forbid its caller threads and that to a user
/// namespace cannot be undone; it makes the child with CLONE_PARENT, so that it is the caller's, hands over the pidfd and ends.
/// Without anything to join this is clone_process(), and `cgroup_v2`, if valid, is where the child is born. `pid` of the result
/// is of the caller's PID namespace, or 0 in the child.
Result<kernel::Cloned> clone_in(const std::vector<const JoinedNamespace*>& joined, std::uint64_t flags,
                                BorrowedFd cgroup_v2 = BorrowedFd(-1));

}  // namespace warder::runtime
