// execve and execveat. Workers of PID 1, as the caller.
//
// Nobody can execute a program for somebody else. The name is judged here, for the errno and the log. What the kernel really
// executes, whatever the caller's memory says by then, is refused by Landlock where it can express the exec rights exactly;
// elsewhere the caller is seized and judged again at the exec stop (process/exec_stop.h).
#include <fcntl.h>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"
#include "supervisor/process/exec_stop.h"

namespace warder::supervisor::files {
namespace {

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
  call.caller.identity().own();
  if (!call.worker.exec_stop.arm(call.notification.tid()).ok()) return answer(call, Answer(Errno{EPERM}));
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
