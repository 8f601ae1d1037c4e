// clone3(2) and pidfds. Single-threaded host processes of the runtime.
#include "linux/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "linux/open.h"
#include "linux/process.h"

namespace warder::kernel {

Result<Cloned> clone_process(const CloneRequest& request) {
  int pidfd = -1;
  clone_args args{};
  args.flags = request.flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  // The kernel insists on no signal of its own with CLONE_PARENT: the child's is its new parent's.
  if ((request.flags & CLONE_PARENT) != 0) args.exit_signal = 0;
  if (request.cgroup_v2) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(request.cgroup_v2->get());
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Error::syscall("clone3");
  if (pid == 0) return Cloned{};
  return Cloned{static_cast<pid_t>(pid), Fd(pidfd)};
}

namespace {

Result<siginfo_t> reap(BorrowedFd pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED) < 0) {
    if (errno != EINTR) return Error::syscall("waitid");
  }
  return info;
}

}  // namespace

Result<int> wait_exit(BorrowedFd pidfd) {
  siginfo_t info = WARDER_TRY(reap(pidfd));
  return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

Result<std::string> wait_end(BorrowedFd pidfd) {
  siginfo_t info = WARDER_TRY(reap(pidfd));
  return info.si_code == CLD_EXITED ? exit_text(info.si_status) : signal_text(info.si_status);
}

Result<pid_t> pidfd_number(BorrowedFd pidfd) {
  Fd file = WARDER_TRY(open_path("/proc/self/fdinfo/" + std::to_string(pidfd.get()), O_RDONLY));
  std::string text = WARDER_TRY(read_all(file));
  std::size_t at = text.find("\nPid:");
  if (at == std::string::npos) return Error::syscall("fdinfo of a pidfd", EBADF);
  int pid = std::atoi(text.c_str() + at + 5);
  if (pid <= 0) return Error::syscall("fdinfo of a pidfd", ESRCH);
  return pid;
}

}  // namespace warder::kernel
