// seccomp(2): filters, and the ioctls of a listener. Any process; a filter needs no_new_privs or CAP_SYS_ADMIN in its user
// namespace.
//
// The ioctl wrappers return 0 or an errno and allocate nothing: they are on the path of every trapped call.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// Installs a filter on the calling thread; `flags` are SECCOMP_FILTER_FLAG_* without NEW_LISTENER. An empty program is a user
/// error.
Result<void> install_filter(std::span<const sock_filter> program, unsigned flags = 0);

/// Installs a filter and returns its listener, close-on-exec. EBUSY where the thread has a listener already.
Result<Fd> install_filter_with_listener(std::span<const sock_filter> program, unsigned flags = 0);

/// Asks for a synchronous wake-up of whoever waits (Linux 6.6): cheaper round trips. False where the kernel does not know it.
bool set_sync_wake_up(BorrowedFd listener);

/// SECCOMP_IOCTL_NOTIF_RECV into a zeroed `request`.
int receive_notification(BorrowedFd listener, seccomp_notif& request);
int send_response(BorrowedFd listener, seccomp_notif_resp& response);
/// SECCOMP_IOCTL_NOTIF_ADDFD with ADDFD_FLAG_SEND (Linux 5.14): installs and answers in one step.
int send_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags);
/// SECCOMP_IOCTL_NOTIF_ADDFD alone: the number of the new descriptor in the caller, or -errno. The call still waits for its
/// response.
int add_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags);
/// The same with ADDFD_FLAG_SETFD: in the place of `number`, which is closed. 0 or an errno.
int replace_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags);
bool notification_valid(BorrowedFd listener, std::uint64_t id);

}  // namespace warder::kernel
