#include "supervisor/process/start_hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>

#include "linux/process.h"
#include "supervisor/process/program.h"

namespace warder::supervisor {
namespace {

[[noreturn]] void become_hook(const HookPlan& hook, Fd state) {
  reset_signals();
  ::dup2(state.get(), STDIN_FILENO);
  // EBADF where the annotations name no file: then it is the container's own.
  (void)::dup2(hook_output_fd, STDOUT_FILENO);
  (void)::dup2(hook_error_fd, STDERR_FILENO);
  (void)kernel::close_fds(STDERR_FILENO + 1, ~0U);
  const std::vector<char*> arguments = pointers_to(hook.args);
  const std::vector<char*> variables = pointers_to(hook.env);
  ::execve(hook.path.c_str(), arguments.data(), variables.data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

/// Gives up quietly where the hook does not read it: many do not.
void write_state(const Fd& pipe, std::string_view state) {
  while (!state.empty()) {
    const ssize_t written = ::write(pipe.get(), state.data(), state.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    state.remove_prefix(static_cast<std::size_t>(written));
  }
}

long elapsed_seconds(const timespec& since) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec - since.tv_sec;
}

Result<void> wait_for(const HookPlan& hook, pid_t pid) {
  timespec begun{};
  ::clock_gettime(CLOCK_MONOTONIC, &begun);
  int status = 0;
  for (;;) {
    const pid_t waited = ::waitpid(pid, &status, hook.timeout_seconds == 0 ? 0 : WNOHANG);
    if (waited == pid) break;
    if (waited < 0 && errno != EINTR) return Error::syscall("waitpid");
    if (waited == 0 && elapsed_seconds(begun) >= static_cast<long>(hook.timeout_seconds)) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      return Error(Fault::environment, "timed out");
    }
    if (waited == 0) ::poll(nullptr, 0, 5);
  }
  const std::string end = WIFSIGNALED(status) ? kernel::signal_text(WTERMSIG(status)) : kernel::exit_text(WEXITSTATUS(status));
  if (!end.empty()) return Error(Fault::environment, end);
  return {};
}

Result<void> run_hook(const HookPlan& hook, std::string_view state) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::syscall("pipe2");
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::syscall("fork");
  if (pid == 0) {
    write_end.reset();
    become_hook(hook, std::move(read_end));
  }
  read_end.reset();
  write_state(write_end, state);
  write_end.reset();
  return wait_for(hook, pid);
}

}  // namespace

Result<void> run_start_hooks(const ProcessPlan& plan) {
  if (plan.start_container_hooks.empty()) return {};
  ::signal(SIGPIPE, SIG_IGN);  // a hook that does not read its state; reset before the workload executes
  std::size_t index = 0;
  for (const HookPlan& hook : plan.start_container_hooks) {
    WARDER_TRY_WITH(run_hook(hook, plan.hook_state),
                    "error running startContainer hook #" + std::to_string(index) + ": '" + hook.path + "'");
    ++index;
  }
  return {};
}

}  // namespace warder::supervisor
