// Judges a program at the exec stop, where what will run is fixed and can no longer be swapped. A thread of PID 1;
// CAP_SYS_PTRACE.
//
// An execve that the supervisor lets the kernel run reads its path again from memory that the workload may have changed (law 1).
// So the handler, while the caller is still held in its notification, asks this tracer to seize and interrupt the caller, and
// only then lets the kernel run the call. Either the exec fails and the interrupt stops the caller on its way back: it is
// released; or the caller stops at PTRACE_EVENT_EXEC, before the new program's first instruction: /proc/PID/exe is judged, and
// the process released or killed. Only the thread that seized may wait for a tracee, therefore one thread does all of it.
//
// PTRACE_SEIZE waits for an execve of another thread of the same process, which in turn may wait for a file system that never
// answers. So a process is seized by one thread at a time, and nobody waits for the tracer without an end.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/core/compiled.h"
#include "supervisor/caller.h"

namespace warder::supervisor {

class AuditLog;

class ExecStop {
 public:
  /// Starts no thread. All references outlive the object.
  ExecStop(const policy::Compiled& policy, AuditLog& audit, BorrowedFd procfs, pid_t workload);
  ExecStop(const ExecStop&) = delete;
  ExecStop& operator=(const ExecStop&) = delete;

  /// Starts the tracer thread; done already, it does nothing.
  Result<void> start();

  enum class Purpose : std::uint8_t {
    exec,    ///< the caller will be let into its execve
    restart  ///< the caller's call is to be broken off and made again
  };
  /// Seizes and interrupts `caller` (a thread id in PID 1's namespace, of process `process`) that waits in a notification. When
  /// it returns, letting the kernel run the execve is safe. EPERM where another tracer holds the caller: refuse the exec then.
  /// EAGAIN after so many milliseconds, because another thread of the process is in an execve: ask again. Any thread.
  Result<void> arm(pid_t caller, pid_t process, Purpose purpose, long patience);

  /// The wait status of the workload's first process, where it ended as a tracee and this thread had to reap it; -1: not so.
  /// SIGCHLD tells the main thread to ask.
  [[nodiscard]] int workload_status() const { return workload_status_; }

  /// Judges by this profile from now on, and so does the log; waits for the judgement that is under way. No worker runs
  /// meanwhile.
  void change_policy(const policy::Compiled& policy);

  /// Tells the tracer that a child-status signal came. PID 1's main thread calls it at each SIGCHLD.
  void poke();

  /// A stop of a tracee that the main thread's wait has taken: the tracer deals with it as if it had waited itself.
  void hand_over(pid_t thread, int status);

 private:
  struct Request {
    pid_t caller = 0;
    pid_t process = 0;
    Purpose purpose = Purpose::exec;
    bool finished = false;   ///< under mutex_
    bool withdrawn = false;  ///< under mutex_: nobody waits for it any more
    int error = 0;
  };
  struct Stop {
    pid_t thread = 0;
    int status = 0;
  };
  struct Tracee {
    pid_t thread = 0;
    pid_t process = 0;
    Purpose purpose = Purpose::exec;
  };
  using Requests = std::vector<std::shared_ptr<Request>>;

  static void* run(void* self);
  void loop();
  void answer(const Requests& requests);
  [[nodiscard]] bool must_wait(const Request& request) const;
  void seize(Request& request);
  void collect();
  void on_stop(pid_t thread, int status);
  void on_exec(pid_t process);
  policy::Verdict judge(pid_t process, std::string_view executed);
  void forget(pid_t thread);
  bool holds(pid_t thread) const;

  policy::Compiled policy_;
  pthread_mutex_t judging_ = PTHREAD_MUTEX_INITIALIZER;  ///< policy_ and what its verdicts refer to
  AuditLog& audit_;
  BorrowedFd procfs_;
  pid_t workload_;
  std::atomic<int> workload_status_{-1};
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;   ///< a request or a poke came
  pthread_cond_t finished_ = PTHREAD_COND_INITIALIZER;  ///< a request was answered
  Requests requests_;
  std::vector<Stop> handed_over_;
  Requests deferred_;  ///< the tracer thread's alone, as is
  std::vector<Tracee> tracees_;
  CallerCache cache_;  ///< knows the container's mounts
  bool poked_ = false;
  bool started_ = false;
};

}  // namespace warder::supervisor
