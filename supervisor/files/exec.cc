// execve and execveat. Workers of PID 1, as the caller.
//
// Nobody can execute a program for somebody else. The name is judged here, for the errno and the log. What the kernel really
// executes, whatever the caller's memory says by then, is refused by Landlock where it can express the exec rights exactly;
// elsewhere the caller is seized and judged again at the exec stop (process/exec_stop.h).
#include <fcntl.h>

#include <cerrno>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"
#include "supervisor/process/exec_stop.h"
#include "supervisor/workers.h"

namespace warder::supervisor::files {
namespace {

/// Another thread of the caller's process may be in an execve, which comes first, as natively; it may take for ever.
Outcome<void> arm(Call& call) {
  constexpr long at_first = 20;  // milliseconds
  constexpr long later = 50;
  ExecStop& tracer = call.worker.exec_stop;
  const pid_t caller = call.notification.tid();
  const pid_t process = call.caller.status().tgid;
  call.caller.identity().own();
  Result<void> armed = tracer.arm(caller, process, ExecStop::Purpose::exec, at_first);
  if (armed.ok()) return {};
  if (armed.error().code() != EAGAIN) return Errno{EPERM};
  const Waiting waiting(call.worker, call.notification.call().id, caller);
  if (!waiting.granted()) return Errno{EPERM};
  for (;;) {
    armed = tracer.arm(caller, process, ExecStop::Purpose::exec, later);
    if (armed.ok()) return {};
    if (armed.error().code() != EAGAIN) return Errno{EPERM};
    if (waiting.interrupted()) return Errno{restart_code};
  }
}

void execute(Call& call, const PathArgument& argument) {
  Object object;
  Outcome<void> outcome = find(call, argument, object);
  if (outcome.ok()) {
    // A program without a name has no entry that could allow it.
    object.named = true;
    outcome = ask(call, object, policy::Right::exec);
  }
  if (!outcome.ok()) return answer(call, outcome);
  // Backstop: Landlock; in audit and learn mode nothing is refused.
  if (!call.worker.policy.checks_exec()) return (void)std::move(call.notification).let_kernel_run();
  if (const Outcome<void> armed = arm(call); !armed.ok()) return answer(call, armed);
  // Backstop: the exec stop.
  (void)std::move(call.notification).let_kernel_run();
}

}  // namespace

void execve(Call& call) { execute(call, {AT_FDCWD, call.notification.argument(0)}); }

void execveat(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(4);
  const LastLink last = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow;
  execute(call, {asked.int_argument(0), asked.argument(1), last, (flags & AT_EMPTY_PATH) != 0});
}

}  // namespace warder::supervisor::files
