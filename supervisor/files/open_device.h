// Opening a device of which no requests may be made (ioctl). Workers of PID 1.
#pragma once

#include <sys/stat.h>

#include "supervisor/files/steps.h"

namespace warder::supervisor::files {

/// True for a device node, no terminal and none of those that everybody opens (null, zero, random), on which the profile gives no
/// `ioctl`: an ioctl is judged by registers and run by the kernel, so whoever exchanges the descriptor in between would make it
/// on this one.
[[nodiscard]] bool gets_no_requests(Call& call, const Object& object, const struct stat& facts);

/// Opens it so that the kernel refuses its requests on the open file for ever, whoever holds it (EACCES): in a thread of its own
/// whose Landlock domain handles nothing but IOCTL_DEV. May wait; the worker is the caller. Before Linux 6.10 as any other.
Outcome<Fd> open_without_requests(Call& call, BorrowedFd object, int flags);

/// A terminal by its number: the consoles, /dev/tty and ptmx, and what is below /dev/pts.
[[nodiscard]] bool is_terminal(const struct stat& facts);

}  // namespace warder::supervisor::files
