#include "supervisor/process/signals.h"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "linux/process.h"
#include "supervisor/process/exec_stop.h"
#include "supervisor/process/pool.h"

namespace warder::supervisor {
namespace {

int workload_number = -1;

/// In a worker's thread: sent by the pool to break a system call off, or by somebody outside to the process as a whole.
void on_interruption(int signal, siginfo_t* info, void* /*context*/) {
  if (info->si_code != SI_TKILL) ::syscall(SYS_pidfd_send_signal, workload_number, signal, nullptr, 0);
}

Result<void> install_interruption_handler(BorrowedFd workload) {
  workload_number = workload.get();
  struct sigaction action {};
  action.sa_sigaction = on_interruption;
  action.sa_flags = SA_SIGINFO;  // no SA_RESTART: breaking off is the point
  if (::sigaction(interruption_signal(), &action, nullptr) != 0) return Error::syscall("sigaction");
  return {};
}

}  // namespace

Result<Fd> take_signals(BorrowedFd workload) {
  WARDER_TRY(install_interruption_handler(workload));
  sigset_t taken;
  ::sigfillset(&taken);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) ::sigdelset(&taken, fault);
  if (::sigprocmask(SIG_SETMASK, &taken, nullptr) != 0) return Error::syscall("sigprocmask");
  // The caller may have left SIGCHLD ignored, which would make children vanish without a status.
  ::signal(SIGCHLD, SIG_DFL);
  Fd signals(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::syscall("signalfd");
  return signals;
}

bool pass_signals(BorrowedFd signals, BorrowedFd workload) {
  bool children = false;
  signalfd_siginfo info{};
  while (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const auto number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      children = true;
    } else if (number != SIGPIPE) {
      (void)kernel::send_signal(workload, number);
    }
  }
  return children;
}

std::optional<int> reap(pid_t workload, ExecStop& tracer) {
  int status = 0;
  // The tracees of the exec stop's thread are its own to wait for. Only a child of PID 1 itself that is traced by that thread is
  // reported here as well, and only once: the kernel takes this thread for the tracer's (kernel/exit.c, wait_consider_task).
  for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG | __WNOTHREAD)) > 0;) {
    if (WIFSTOPPED(status)) {
      tracer.hand_over(ended, status);
      continue;
    }
    if (ended == workload) return kernel::exit_code(status);
  }
  return std::nullopt;
}

}  // namespace warder::supervisor
