// How PID 1 takes away from itself what it does not need (law 7, and the day a bug in it is found). Main thread, before any other
// thread exists.
#pragma once

#include <cstdint>

#include "linux/fd.h"
#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// Which powers this container's PID 1 needs.
enum class Duty : std::uint8_t {
  reap,       ///< no listener: wait, forward signals
  answer,     ///< act for callers
  judge_exec  ///< act for callers and trace them at execve
};

/// Only the descriptors of boot.h stay; 0..2 become placeholders that cannot be read or written, so that no pipe of the engine is
/// held open and nothing else takes those numbers. Own session, "/", umask 0, no core dumps, descriptors up to the hard limit.
Result<void> leave_the_runtime();

/// Keeps PID 1 away from the OOM killer where that is permitted, and gives the workload the score of config.json. Needs
/// CAP_SYS_RESOURCE to lower a score; a workload score that cannot be set is an error.
Result<void> set_oom_scores(const Boot& boot, BorrowedFd procfs, pid_t workload);

/// Capabilities: those of callers and what looking at callers takes, or only CAP_KILL; the bounding set follows; no_new_privs.
Result<void> drop_capabilities(const Boot& boot, Duty duty);

enum class OwnSockets : std::uint8_t {
  none,
  internet,  ///< to ask the container's resolver
};

/// An allow-list of system calls; anything else kills PID 1 and with it the container. No execve, no executable memory, threads
/// but no processes, no socket of its own but what `sockets` says. Last step: threads inherit it.
Result<void> install_own_filter(Duty duty, OwnSockets sockets);

}  // namespace warder::supervisor
