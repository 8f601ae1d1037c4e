// The container's terminal: a pty of its own devpts, whose master goes to the caller over the console socket. P2, or an exec
// session inside the container's mount namespace.
#pragma once

#include <sys/types.h>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

struct Console {
  Fd master, slave;
};

/// Opens /dev/pts/ptmx below `root` and its slave by TIOCGPTPEER, so that no name of a slave is ever looked up. Both ends are
/// checked to be a pty of a devpts (CVE-2025-52565).
Result<Console> open_console(BorrowedFd root, ConsoleSize size);

/// Sends the master to whoever gave the console socket.
Result<void> send_console(BorrowedFd console_socket, const Console& console);

/// Makes the slave visible as /dev/console of the container.
Result<void> mount_console(BorrowedFd root, const Console& console);

/// Puts the slave (if any) at 0, 1 and 2 and gives the workload's user the standard streams, as far as they are not the null
/// device and may change hands.
Result<void> take_stdio(const Console* console, uid_t uid);

}  // namespace warder::runtime
