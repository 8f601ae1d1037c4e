#include "linux/process.h"

#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cctype>
#include <charconv>
#include <cstring>
#include <string>

namespace warder::kernel {

Result<Fd> open_pidfd(pid_t pid) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return Error::syscall("pidfd_open");
  return fd;
}

Result<Fd> take_fd(BorrowedFd pidfd, int number) {
  Fd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
  if (!fd) return Error::syscall("pidfd_getfd");
  return fd;
}

Result<void> send_signal(BorrowedFd pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0) return Error::syscall("pidfd_send_signal");
  return {};
}

std::string exit_text(int status) { return status == 0 ? "" : "exit status " + std::to_string(status); }

std::string signal_text(int number) {
  const char* known = ::sigdescr_np(number);
  std::string text = known != nullptr ? known : std::to_string(number);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return "signal: " + text;
}

int exit_code(int wait_status) {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
  return 128 + WTERMSIG(wait_status);
}

Result<void> become_undumpable() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::syscall("PR_SET_DUMPABLE");
  return {};
}

Result<void> close_fds(unsigned first, unsigned last) {
  if (first > last) return {};
  if (::syscall(SYS_close_range, first, last, 0) != 0) return Error::syscall("close_range");
  return {};
}

Result<void> close_fds_on_exec(unsigned first, unsigned last) {
  constexpr unsigned close_range_cloexec = 1U << 2;
  if (first > last) return {};
  if (::syscall(SYS_close_range, first, last, close_range_cloexec) != 0) return Error::syscall("close_range");
  return {};
}

Result<void> set_no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::syscall("PR_SET_NO_NEW_PRIVS");
  return {};
}

Result<void> die_with_parent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return Error::syscall("PR_SET_PDEATHSIG");
  return {};
}

void reset_cpu_affinity() {
  cpu_set_t all;
  std::memset(&all, 0xFF, sizeof all);
  (void)::sched_setaffinity(0, sizeof all, &all);  // not allowed means: not bound by us either
}

Result<void> set_cpu_affinity(std::string_view list) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const auto malformed = [list] { return Error::user("cpu list '" + std::string(list) + "' is malformed"); };
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    unsigned first = 0;
    const char* end = item.data() + item.size();
    auto parsed = std::from_chars(item.data(), end, first);
    unsigned last = first;
    if (parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-') parsed = std::from_chars(parsed.ptr + 1, end, last);
    if (parsed.ec != std::errc() || parsed.ptr != end || last < first || last >= CPU_SETSIZE) return malformed();
    for (unsigned cpu = first; cpu <= last; ++cpu) CPU_SET(cpu, &set);
  }
  if (CPU_COUNT(&set) == 0) return malformed();
  if (::sched_setaffinity(0, sizeof set, &set) != 0) return Error::syscall("sched_setaffinity");
  return {};
}

Result<void> set_scheduler_of(pid_t pid, const SchedulerSettings& settings) {
  // struct sched_attr, first version (48 bytes): glibc has no declaration of it.
  struct {
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } attributes{sizeof attributes, settings.policy,  settings.flags,    settings.nice,
               settings.priority, settings.runtime, settings.deadline, settings.period};
  static_assert(sizeof attributes == 48);
  if (::syscall(SYS_sched_setattr, pid, &attributes, 0) != 0) return Error::syscall("sched_setattr");
  return {};
}

Result<void> set_scheduler(const SchedulerSettings& settings) { return set_scheduler_of(0, settings); }

Result<void> set_io_priority(std::uint32_t value) {
  constexpr int ioprio_who_process = 1;
  if (::syscall(SYS_ioprio_set, ioprio_who_process, 0, value) != 0) return Error::syscall("ioprio_set");
  return {};
}

Result<void> join_new_session_keyring() {
  // Without a name: a named keyring of somebody else would be joined instead.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) return Error::syscall("keyctl");
  return {};
}

}  // namespace warder::kernel
