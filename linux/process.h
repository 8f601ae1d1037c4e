// Processes as the kernel sees them: pidfds, exit codes, and the attributes a process gives itself before it executes a program.
//
// Every function acts on the calling process or thread, or on a pidfd; none keeps state. Numbers of calls and flags newer than
// Debian's headers (6.1) are in linux/newer.h.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// pidfd_open(2), Linux 5.3. ESRCH where the process is gone.
Result<Fd> open_pidfd(pid_t pid);
/// A duplicate of another process's descriptor: pidfd_getfd(2), Linux 5.6; needs PTRACE_MODE_ATTACH. Close-on-exec.
Result<Fd> take_fd(BorrowedFd pidfd, int number);
/// pidfd_send_signal(2), Linux 5.1.
Result<void> send_signal(BorrowedFd pidfd, int signal);

/// What a shell would report for a wait status: the exit code, or 128+N for death by signal N.
[[nodiscard]] int exit_code(int wait_status);
/// How a process ended, in the words that callers of runtimes look for: "" or "exit status 3"; "signal: bad system call".
[[nodiscard]] std::string exit_text(int status);
[[nodiscard]] std::string signal_text(int number);

/// From here on no other process of the same user can ptrace this one or read its memory and descriptors through /proc. Lasts
/// until the next execve; a clone inherits it.
Result<void> become_undumpable();

/// Closes every descriptor from `first` to `last` inclusive: close_range(2), Linux 5.9.
Result<void> close_fds(unsigned first, unsigned last);
/// Marks them close-on-exec instead: Linux 5.11.
Result<void> close_fds_on_exec(unsigned first, unsigned last);

Result<void> set_no_new_privileges();
/// SIGKILL for the calling process when its parent's thread ends. Cleared by a change of credentials: set again afterwards.
Result<void> die_with_parent();

/// Every cpu that the cgroup allows, whatever the caller was bound to.
void reset_cpu_affinity();
/// A list of cpus as in /sys/devices/system/cpu/online, "0-3,7"; binds the calling thread to it. EINVAL for a malformed list.
Result<void> set_cpu_affinity(std::string_view list);

struct SchedulerSettings {
  std::uint32_t policy = 0;  ///< SCHED_*
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t flags = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  ///< nanoseconds
};
/// sched_setattr(2) for the calling thread.
Result<void> set_scheduler(const SchedulerSettings& settings);
/// The same for another thread of the caller's PID namespace. EPERM without CAP_SYS_NICE in its user namespace where the settings
/// are better than its own, and for SCHED_DEADLINE also where it may not use all CPUs.
Result<void> set_scheduler_of(pid_t pid, const SchedulerSettings& settings);
/// ioprio_set(2) for the calling thread; `value` as the kernel wants it, class included.
Result<void> set_io_priority(std::uint32_t value);

/// A new anonymous session keyring for the calling process, so that the caller's keys stay outside. ENOSYS where the kernel has
/// no keyrings is success.
Result<void> join_new_session_keyring();

}  // namespace warder::kernel
