#include "supervisor/process/self_confinement.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "linux/credentials.h"
#include "linux/open.h"
#include "linux/process.h"
#include "supervisor/impersonation.h"

namespace warder::supervisor {
namespace {

constexpr std::uint64_t bit(int capability) { return 1ULL << capability; }

/// Looking at callers and becoming them.
constexpr std::uint64_t looking = inspecting_capabilities;

/// What callers may have and no call that PID 1 makes for them looks at.
constexpr std::uint64_t useless =
    bit(CAP_SETPCAP) | bit(CAP_IPC_LOCK) | bit(CAP_IPC_OWNER) | bit(CAP_SYS_MODULE) | bit(CAP_SYS_PACCT) | bit(CAP_SYS_BOOT) |
    bit(CAP_SYS_NICE) | bit(CAP_SYS_TIME) | bit(CAP_SYS_TTY_CONFIG) | bit(CAP_LEASE) | bit(CAP_AUDIT_WRITE) |
    bit(CAP_AUDIT_CONTROL) | bit(CAP_AUDIT_READ) | bit(CAP_WAKE_ALARM) | bit(CAP_BLOCK_SUSPEND) | bit(CAP_PERFMON) | bit(CAP_BPF);

Result<void> write_score(BorrowedFd procfs, const std::string& process, std::int32_t score) {
  const Fd file = WARDER_TRY(kernel::open_at2(procfs, process + "/oom_score_adj", O_WRONLY, 0));
  return kernel::write_once(file, std::to_string(score));
}

Result<void> occupy_stdio() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    const Fd placeholder(::open("/", O_PATH | O_CLOEXEC | O_DIRECTORY));
    if (!placeholder) return Error::syscall("open /");
    if (::dup3(placeholder.get(), number, O_CLOEXEC) < 0) return Error::syscall("dup3");
  }
  return {};
}

}  // namespace

Result<void> leave_the_runtime() {
  WARDER_TRY(kernel::close_fds(STDERR_FILENO + 1, boot_fd - 1));
  WARDER_TRY(kernel::close_fds(last_fd + 1, ~0U));
  WARDER_TRY(kernel::close_fds_on_exec(boot_fd, last_fd));
  if (::chdir("/") != 0) return Error::syscall("chdir /");
  WARDER_TRY(occupy_stdio());
  ::umask(0);
  (void)::setsid();  // EPERM: a session leader already
  const rlimit no_core{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  return {};
}

Result<void> set_oom_scores(const Boot& boot, BorrowedFd procfs, pid_t workload) {
  constexpr std::int32_t never = -1000;
  if (boot.process.oom_score_adj) {
    WARDER_TRY_WITH(write_score(procfs, std::to_string(workload), *boot.process.oom_score_adj), "oom_score_adj");
  }
  (void)write_score(procfs, "self", never);  // not permitted when rootless: starving PID 1 then ends the container
  return {};
}

Result<void> drop_capabilities(const Boot& boot, Duty duty) {
  const std::uint64_t wanted = bit(CAP_KILL) | (duty == Duty::reap ? 0 : looking | (boot.supervisor_capabilities & ~useless));
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if ((wanted & bit(capability)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return Error::syscall("PR_CAPBSET_DROP");
  }
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return Error::syscall("PR_CAP_AMBIENT");
  // A worker that takes on a caller's uid keeps its permitted set, and its effective set is nobody's business but its own.
  if (const int code = kernel::set_thread_securebits(SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED); code != 0) {
    return Error::syscall("PR_SET_SECUREBITS", code);
  }
  const kernel::ThreadCapabilities now = WARDER_TRY(kernel::thread_capabilities());
  const std::uint64_t kept = wanted & now.permitted;
  if (const int code = kernel::set_thread_capabilities({kept, kept, 0}); code != 0) return Error::syscall("capset", code);
  return kernel::set_no_new_privileges();
}

}  // namespace warder::supervisor
