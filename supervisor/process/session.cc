// warder-init in an exec session: a further process in a running container, started by `warder exec`.
//
//   warder (E0)                E1 (this program)                         E2
//   setns into all, fork  -->  outside the inner PID namespace: no
//                              process of the container can see it.
//                              Confines itself completely
//   takes the listener    <--  `listener`
//   gives it to PID 1,    -->  `listener_taken`
//                              clone(CLONE_PARENT) into the inner PID
//                              namespace ------------------------------>  a child of E0, with nothing left to steal:
//                 <----------  `started` with its pid, exits ---------->  goes on when E1 is gone, executes
//   waits for E2; a `failed` comes from E2, success is the end of file
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "linux/process.h"
#include "policy/core/compiled.h"
#include "supervisor/process/attributes.h"
#include "supervisor/process/boot_block.h"
#include "supervisor/process/confine.h"
#include "supervisor/process/modes.h"
#include "supervisor/process/program.h"
#include "supervisor/protocol/messages.h"

namespace warder::supervisor {
namespace {

constexpr BorrowedFd runtime(runtime_fd);

Result<void> keep_only_own_fds(std::uint32_t preserved) {
  const unsigned first = STDERR_FILENO + 1 + preserved;
  WARDER_TRY(kernel::close_fds(first, boot_fd - 1));
  WARDER_TRY(kernel::close_fds(runtime_fd + 1, procfs_fd - 1));
  WARDER_TRY(kernel::close_fds(procfs_fd + 1, ~0U));
  return kernel::close_fds_on_exec(boot_fd, procfs_fd);
}

int fail(const Error& error) {
  (void)write_message(runtime, {MessageType::failed, static_cast<std::uint64_t>(error.code()), error.text(), {}});
  return error.code() == ENOENT ? 127 : 126;
}

/// Nothing is sent from here before E1 has sent `started`: the messages of the two never mix.
void wait_until_gone(BorrowedFd other_end) {
  char byte = 0;
  while (::read(other_end.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

/// E2.
int run(const Boot& boot) {
  // Only now: the end of a leader that has the terminal, as E1's would be, hangs up on everybody else in its session.
  const Result<void> led = lead_session(boot.process);
  if (!led.ok()) return fail(led.error());
  const Result<std::string> program = find_program(boot.process);
  if (!program.ok()) return fail(program.error());
  reset_signals();
  return fail(execute(*program, boot.process));
}

Result<void> prepare(const Boot& boot) {
  const policy::Compiled policy = WARDER_TRY(policy::Compiled::open(boot.compiled));
  WARDER_TRY(enter_working_directory(boot.process.cwd));
  return confine(boot, policy, runtime);
}

}  // namespace

int become_session() {
  Result<Boot> loaded = load_boot();
  if (!loaded.ok()) return fail(loaded.error());
  const Boot boot = *std::move(loaded);
  const Result<void> closed = keep_only_own_fds(boot.process.preserve_fds);
  if (!closed.ok()) return fail(closed.error());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Error::syscall("pipe2"));
  Fd gone(ends[0]);
  Fd alive(ends[1]);
  Boot without_terminal = boot;
  without_terminal.process.terminal = false;  // it will be E2's
  const bool scheduled_later = boot.process.scheduler && !boot.process.scheduler->inherited();
  if (scheduled_later) without_terminal.process.scheduler.reset();
  const Result<void> prepared = prepare(without_terminal);
  ::close(procfs_fd);  // E2 is seen in the container: nothing of the host's procfs may be in its table
  if (!prepared.ok()) return fail(prepared.error());

  const long pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return fail(Error::syscall("clone"));
  if (pid == 0) {
    alive.reset();
    wait_until_gone(gone);
    gone.reset();
    return run(boot);
  }
  if (!write_message(runtime, {MessageType::started, static_cast<std::uint64_t>(pid), "", {}}).ok()) return 1;
  // What E2 cannot have from us the runtime gives it, which still has the rights. E2 waits for our end.
  return !scheduled_later || read_message(runtime).ok() ? 0 : 1;
}

}  // namespace warder::supervisor
