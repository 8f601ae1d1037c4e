// Making processes with clone3(2) (Linux 5.3) and naming them by pidfd. Single-threaded callers only: the child is a copy of the
// caller and may use everything the caller had.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

struct CloneRequest {
  std::uint64_t flags = 0;              ///< CLONE_NEW*, CLONE_PARENT
  std::optional<BorrowedFd> cgroup_v2;  ///< be born in this cgroup2 directory (CLONE_INTO_CGROUP, Linux 5.7)
};

/// In the child, pid is 0 and there is no pidfd.
struct Cloned {
  pid_t pid = 0;
  Fd pidfd;
  [[nodiscard]] bool child() const { return pid == 0; }
};

/// clone3(2) without shared memory, that is fork(2) with flags. The child dies with SIGCHLD to its parent.
Result<Cloned> clone_process(const CloneRequest& request);

/// Waits for a child and reaps it: its exit status, 128+N where signal N ended it.
Result<int> wait_exit(BorrowedFd pidfd);
/// The same as words, empty for exit status 0: "exit status 3", "signal: bad system call".
Result<std::string> wait_end(BorrowedFd pidfd);
/// The number of the process in the PID namespace of the mounted /proc; ESRCH where it is gone.
Result<pid_t> pidfd_number(BorrowedFd pidfd);

}  // namespace warder::kernel
