// warder-init in the process that becomes the workload: PID 1 of the inner PID namespace, a child of the supervisor.
//
// Nothing of the image has run yet. It confines itself, says `ready` to the runtime, waits for `start` from PID 1 and executes.
// Until then nobody can reach it: it is not dumpable, and alone in its PID namespace. What goes wrong before `ready` is told to
// the runtime, afterwards to PID 1, each time as one line.
#include <unistd.h>

#include <csignal>
#include <string>

#include "linux/process.h"
#include "policy/core/compiled.h"
#include "supervisor/process/boot_block.h"
#include "supervisor/process/confine.h"
#include "supervisor/process/modes.h"
#include "supervisor/process/program.h"
#include "supervisor/process/start_hooks.h"
#include "supervisor/protocol/messages.h"

namespace warder::supervisor {
namespace {

/// Closes what is neither the workload's nor ours, and lets ours vanish with the execve.
Result<void> keep_only_own_fds(std::uint32_t preserved) {
  const unsigned first = STDERR_FILENO + 1 + preserved;
  WARDER_TRY(kernel::close_fds(first, boot_fd - 1));
  WARDER_TRY(kernel::close_fds(peer_fd + 1, hook_output_fd - 1));
  WARDER_TRY(kernel::close_fds(hook_error_fd + 1, ~0U));
  return kernel::close_fds_on_exec(boot_fd, hook_error_fd);
}

/// The end of the supervisor's main thread ends this process, where no PID namespace sees to it. Credentials were changed since
/// it could have been set, which clears it.
Result<void> tie_to_supervisor(const Boot& boot) {
  if (boot.private_pid_namespace) return {};
  return kernel::die_with_parent();
}

Result<std::string> prepare(const Boot& boot, const policy::Compiled& policy) {
  WARDER_TRY(enter_working_directory(boot.process.cwd));
  WARDER_TRY(confine(boot, policy, BorrowedFd(peer_fd)));
  WARDER_TRY(tie_to_supervisor(boot));
  return find_program(boot.process);
}

/// PID 1 of a namespace is deaf to what it has no handler for. Until there is a workload with a will of its own, what asks a
/// process to end ends the container, as under other runtimes.
class EndableBySignals {
 public:
  EndableBySignals() {
    sigset_t ending;
    ::sigemptyset(&ending);
    for (int signal : signals) {
      ::signal(signal, [](int number) { ::_exit(signal_base + number); });
      ::sigaddset(&ending, signal);
    }
    ::sigprocmask(SIG_UNBLOCK, &ending, &before_);
  }
  EndableBySignals(const EndableBySignals&) = delete;
  EndableBySignals& operator=(const EndableBySignals&) = delete;
  ~EndableBySignals() {
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
    for (int signal : signals) ::signal(signal, SIG_DFL);
  }

 private:
  static constexpr int signal_base = 128;
  static constexpr int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  sigset_t before_;
};

/// `start` from PID 1. An error where PID 1 is gone.
Result<void> wait_for_start() {
  const EndableBySignals endable;
  const Message message = WARDER_TRY(read_message(BorrowedFd(peer_fd)));
  if (message.type != MessageType::start) return Error::bug("PID 1 said something else than start");
  return {};
}

/// Returns only with the reason why it failed.
Error run(const Boot& boot, const std::string& program) {
  Result<void> hooks = run_start_hooks(boot.process);
  if (!hooks.ok()) return std::move(hooks).error();
  Result<void> announced =
      write_message(BorrowedFd(peer_fd), {MessageType::started, static_cast<std::uint64_t>(::getpid()), "", {}});
  if (!announced.ok()) return std::move(announced).error();
  reset_signals();
  return execute(program, boot.process);
}

int fail(int socket, const Error& error) {
  (void)write_message(BorrowedFd(socket), {MessageType::failed, static_cast<std::uint64_t>(error.code()), error.text(), {}});
  return error.code() == ENOENT ? 127 : 126;
}

}  // namespace

int become_workload() {
  Result<Boot> loaded = load_boot();
  if (!loaded.ok()) return fail(runtime_fd, loaded.error());
  Boot boot = *std::move(loaded);
  // The specification: not for the first process. They stay in PID 1's copy, for sessions.
  boot.process.cpu_affinity_initial.clear();
  boot.process.cpu_affinity_final.clear();
  const Result<void> closed = keep_only_own_fds(boot.process.preserve_fds);
  if (!closed.ok()) return fail(runtime_fd, closed.error());
  const Result<policy::Compiled> policy = policy::Compiled::open(boot.compiled);
  if (!policy.ok()) return fail(runtime_fd, policy.error());
  const Result<std::string> program = prepare(boot, *policy);
  if (!program.ok()) return fail(runtime_fd, program.error());
  if (!write_message(BorrowedFd(runtime_fd), {MessageType::ready, 0, "", {}}).ok()) return 1;
  ::close(runtime_fd);
  ::close(boot_fd);
  if (!wait_for_start().ok()) return 1;
  return fail(peer_fd, run(boot, *program));
}

}  // namespace warder::supervisor
