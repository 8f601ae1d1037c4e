// A worker: one thread of PID 1 that receives notifications and answers them. What a handler is given to work with.
//
// Handlers (files/handlers.h, network/handlers.h) run in a worker's thread, inside `handle(Worker&, Notification&&)`. A worker is
// never shared between threads. Its thread has PID 1's capabilities in the permitted set and acts as the caller through
// `identity`; it owns its own current directory, root and umask (unshare(CLONE_FS) at birth).
//
// Law 6, in three lines: (1) before any call that may wait for the workload, make a Waiting; (2) if it is not granted, refuse;
// (3) if the call returns EINTR and the Waiting is interrupted(), answer -restart_code without another try.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "linux/fd.h"
#include "policy/core/compiled.h"
#include "supervisor/caller.h"

namespace warder::supervisor {

class AuditLog;        // supervisor/audit.h
class ExecStop;        // supervisor/process/exec_stop.h
class ThreadIdentity;  // supervisor/impersonation.h
class WorkerPool;      // supervisor/process/pool.h
namespace names {
class NameService;  // supervisor/names/name_service.h
}
namespace network {
class PeerProcesses;  // supervisor/network/peer_processes.h
}

/// -ERESTARTSYS, as the error of an answer: the kernel runs the caller's signal handler and then restarts the call or lets it
/// fail with EINTR, as SA_RESTART says. Only for a caller that has a pending signal: any other would see errno 512.
inline constexpr int restart_code = 512;

class Worker {
 public:
  const policy::Compiled& policy;
  AuditLog& audit;
  ExecStop& exec_stop;
  BorrowedFd procfs;                ///< O_PATH root of PID 1's own procfs, of the outer PID namespace; no workload can reach it
  BorrowedFd root;                  ///< O_PATH of the container's root directory, as PID 1 has it
  BorrowedFd workload;              ///< pidfd of the workload's first process: SIGKILL to it stops the container
  names::NameService* const names;  ///< nullptr where the profile has nothing to do with names
  network::PeerProcesses& peers;
  BorrowedFd listener;  ///< of the notification that is being handled
  ThreadIdentity& identity;
  std::atomic<bool>& roots_changed;  ///< set before a caller is let run chroot(2)
  CallerCache callers;               ///< what dispatch keeps open of recent callers

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  friend class WorkerPool;
  friend class Waiting;
  Worker(WorkerPool& pool, const policy::Compiled& policy, AuditLog& audit, ExecStop& exec_stop, BorrowedFd procfs,
         BorrowedFd root, BorrowedFd workload, names::NameService* names, network::PeerProcesses& peers, ThreadIdentity& identity,
         std::atomic<bool>& roots_changed)
      : policy(policy),
        audit(audit),
        exec_stop(exec_stop),
        procfs(procfs),
        root(root),
        workload(workload),
        names(names),
        peers(peers),
        listener(-1),
        identity(identity),
        roots_changed(roots_changed),
        callers(procfs, &roots_changed),
        pool_(pool) {}

  WorkerPool& pool_;
  pid_t thread_ = 0;
  // Written by the worker, read by the pool's watchman.
  std::atomic<bool> waiting_{false};
  std::atomic<bool> interrupted_{false};
  std::atomic<std::uint64_t> waiting_id_{0};
  std::atomic<pid_t> waiting_caller_{0};
  std::atomic<pid_t> waiting_process_{0};
  std::uint32_t ticks_ = 0;  ///< how often the watchman has looked; under the pool's mutex
};

/// A stretch of a handler that may wait on the workload: a FIFO or terminal being opened, a connect, a full socket.
///
/// While it exists another thread receives, and the pool's watchman looks at the caller: once the caller is dead or has a pending
/// signal that it does not block, interrupted() turns true and the worker's system call is broken off with EINTR (again and
/// again, so that a signal between two instructions is not lost). Destroy it before the answer is sent.
class [[nodiscard]] Waiting {
 public:
  /// `id` and `caller` are the notification's id and pid (which is a thread id in PID 1's namespace).
  Waiting(Worker& worker, std::uint64_t id, pid_t caller);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  /// False where as many workers wait already as may: nothing may be waited for, refuse with EPERM (law 4).
  [[nodiscard]] bool granted() const { return granted_; }
  /// The caller has a signal to handle (answer -restart_code) or is gone (any answer is lost).
  [[nodiscard]] bool interrupted() const { return worker_.interrupted_.load(std::memory_order_acquire); }

 private:
  Worker& worker_;
  bool granted_ = false;
};

}  // namespace warder::supervisor
