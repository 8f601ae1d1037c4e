// From a Spec to the two processes of a container, and from a running container to one more process in it. The host process of
// `create`, `run` and `exec`: single-threaded, the caller's own privileges.
//
// Who is alive, who waits for whom (create):
//
//   warder (P0)                       PID 1 (P1)                          workload (P2)
//   clone3(namespaces) ------------>  waits for `start`
//   id maps, cgroup; `start` ------>  joins what is to be joined,
//                                     private procfs of its PID namespace
//                                     clone3(CLONE_NEWPID) ------------>  mounts, devices, console …
//   pidfd of P2 <-------------------  sends it                            (prestart, createRuntime hooks: asks P0, waits)
//                                                                         createContainer hooks, pivot_root, masks
//                                     waits for `started` <-------------  sends it
//                                     execveat(warder-init supervise)     execveat(warder-init workload)
//   `ready`, `ready` <--------------  ready                               ready
//
// P1 and P2 are copies of P0 until they execute warder-init, so the Spec needs no serialisation; they are not dumpable, and
// whatever goes wrong in them reaches P0 as one line over their runtime sockets. P1 stays out of the inner PID namespace but
// keeps pid_for_children on its own: a process whose children go elsewhere may not create threads (clone(2), CLONE_THREAD).
#pragma once

#include <functional>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/cgroups/cgroup.h"
#include "runtime/config/spec.h"
#include "runtime/container/hooks.h"
#include "runtime/state/container_state.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

/// A process of the container as the runtime's PID namespace knows it; the pidfd cannot name another one.
struct LaunchedProcess {
  ProcessIdentity identity;
  Fd pidfd;
};

/// The listener of a filter, and the process (in P0's PID namespace) that has it.
using GiveListener = std::function<Result<void>(BorrowedFd listener, pid_t pid)>;

struct LaunchRequest {
  const Spec& spec;
  const std::string& id;
  const std::string& bundle;     ///< absolute; relative mount sources start here
  BorrowedFd rootfs;             ///< O_PATH directory
  const supervisor::Boot& boot;  ///< complete; its hook_state may be empty where there are no startContainer hooks
  BorrowedFd init_binary;        ///< of open_init_binary()
  BorrowedFd control_socket;     ///< listening; becomes PID 1's
  BorrowedFd audit_log;          ///< O_APPEND|O_WRONLY, or invalid
  BorrowedFd resolv_conf;        ///< of open_resolver_files(); invalid where the profile names no hosts
  BorrowedFd hosts;              ///< likewise
  BorrowedFd console_socket;     ///< connected, exactly where process.terminal is true; else invalid
  const Cgroup& cgroup;          ///< both processes are in it before anything of the container exists
  const std::vector<std::string>& resctrl_tasks;  ///< files that take PID 1's number before it goes on
  const HookSurroundings& hooks;                  ///< of all hooks but startContainer's
  bool no_pivot = false;                          ///< move the root mount instead of pivot_root(2), for a rootfs on an initramfs
  /// The OCI state object with the given status and pid, for hooks. Called in P0 (host pid) and in P2.
  std::function<std::string(Status, pid_t)> hook_state;
  /// Takes the listener of config.json's own seccomp filter to its agent. Called in P0, only for a plan with a seccomp_agent.
  GiveListener give_listener;
  BorrowedFd interrupted;  ///< readable: give up
};

struct Launched {
  LaunchedProcess init;      ///< PID 1; a child of the calling process
  LaunchedProcess workload;  ///< the inner PID 1; a child of `init`
};

/// Starts both processes and waits until each is confined and `ready`.
///
/// Runs prestart and createRuntime hooks (from here) and createContainer hooks (from P2). On failure no process is left and the
/// error is the line of whoever failed; the cgroup, the state directory and the control socket stay the caller's to remove. The
/// calling process keeps its own namespaces. Needs Linux 5.19; CAP_SYS_ADMIN, or a new user namespace in the Spec.
Result<Launched> launch(const LaunchRequest& request);

struct SessionRequest {
  const ContainerState& container;
  const supervisor::Boot& boot;  ///< the container's, with the session's ProcessPlan
  BorrowedFd init_binary;
  BorrowedFd control;         ///< connected to PID 1's control socket
  BorrowedFd console_socket;  ///< connected, exactly where process.terminal is true; else invalid
  ConsoleSize console_size;
  const Cgroup& cgroup;        ///< the container's, or the sub-cgroup asked for
  GiveListener give_listener;  ///< as in LaunchRequest
};

/// Runs a program in a running container, under the rules of the container: the session's listener is answered by its PID 1.
///
/// The process returned is a child of the caller and has executed its program already. Where that failed the error is the line of
/// warder-init (`exec: "foo": executable file not found in $PATH`) and nothing is left. Fails if PID 1 or the workload is gone.
Result<LaunchedProcess> launch_session(const SessionRequest& request);

/// warder-init as something that can be executed but never written, whoever gets hold of it through /proc/PID/exe: a detached
/// read-only mount of the file, or a sealed memfd with a copy where that is not permitted (rootless). Found beside this program,
/// else in /usr/libexec/warder; the environment is not asked.
Result<Fd> open_init_binary();

}  // namespace warder::runtime
