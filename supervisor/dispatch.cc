#include "supervisor/dispatch.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "linux/newer.h"
#include "policy/core/syscall_names.h"
#include "supervisor/files/handlers.h"
#include "supervisor/network/handlers.h"
#include "supervisor/workers.h"

namespace warder::supervisor {
namespace {

constexpr int table_size = 512;

/// Indexed by number; built before the first thread asks.
const std::array<Handler, table_size>& table() {
  static const std::array<Handler, table_size> handlers = [] {
    std::array<Handler, table_size> result{};
    for (const auto list : {files::handlers(), network::handlers()}) {
      for (const HandlerEntry& entry : list) result[static_cast<std::size_t>(entry.number)] = entry.handler;
    }
    return result;
  }();
  return handlers;
}

std::string_view name_of(int number) {
  const auto all = policy::numbered_names();
  const auto found = std::ranges::lower_bound(all, number, {}, &policy::NumberedName::number);
  return found != all.end() && found->number == number ? found->name : "unknown";
}

/// Calls that make nothing, and so need neither the umask nor exact groups of whoever may do without them.
Facts facts_needed(const TrappedCall& call) {
  constexpr std::uint64_t makes = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);
  switch (call.number) {
    case SYS_open:
      return (call.arguments[1] & makes) == 0 ? Facts::identity : Facts::all;
    case SYS_openat:
      return (call.arguments[2] & makes) == 0 ? Facts::identity : Facts::all;
    case SYS_stat:
    case SYS_lstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_access:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlink:
    case SYS_readlinkat:
    case SYS_getdents64:
    case SYS_ioctl:
    case SYS_execve:
    case SYS_connect:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_chmod:
    case SYS_fchmod:
    case SYS_fchmodat:
    case kernel::sys_fchmodat2:
    case SYS_chown:
    case SYS_fchown:
    case SYS_lchown:
    case SYS_fchownat:
    case SYS_utime:
    case SYS_utimes:
    case SYS_futimesat:
    case SYS_utimensat:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_rmdir:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_chdir:
    case SYS_fchdir:
    case SYS_getsockopt:
      return Facts::identity;
    default:
      return Facts::all;
  }
}

/// Calls that only tell something, or write it to the caller, which proves by itself that it is there.
bool only_looks(int number) {
  switch (number) {
    case SYS_stat:
    case SYS_lstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_statfs:
    case SYS_access:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlink:
    case SYS_readlinkat:
      return true;
    default:
      return false;
  }
}

}  // namespace

Handler handler_of(int number) {
  return number >= 0 && number < table_size ? table()[static_cast<std::size_t>(number)] : nullptr;
}

bool permit(Call& call, const policy::Verdict& verdict, AuditEvent event) {
  call.decided = call.worker.audit.usage().count(verdict);
  if (verdict.allowed && !call.worker.audit.wants(event, verdict)) return true;
  if (!call.caller.prove().ok()) return false;
  const CallerStatus& status = call.caller.status();
  event.thread = status.thread.levels > 0 ? call.notification.tid() : 0;
  event.process = status.tgid;
  event.guest_pid = status.process.in_container();
  event.uid = status.credentials.fs_uid;
  event.syscall = name_of(call.notification.number());
  call.worker.identity.own();
  call.worker.audit.record(event, verdict);
  if (verdict.allowed) return call.caller.act().ok();
  if (verdict.action == policy::DenyAction::kill && call.notification.still_waiting()) ::kill(status.tgid, SIGKILL);
  if (verdict.action == policy::DenyAction::stop_container) {
    ::syscall(SYS_pidfd_send_signal, call.worker.workload.get(), SIGKILL, nullptr, 0);
  }
  (void)std::move(call.notification).deny(verdict.error);
  return false;
}

namespace {

void answer(Call& call) {
  const int number = call.notification.number();
  const policy::Verdict verdict = call.worker.policy.syscall(number);
  AuditEvent event;
  event.section = "syscalls";
  if ((!verdict.allowed || verdict.would_refuse) && !permit(call, verdict, event)) return;
  if (const Handler handler = handler_of(number); handler != nullptr) return handler(call);
  // Handed over as a whole and decided by its number alone, which nobody can change any more.
  if (verdict.would_refuse || call.worker.policy.decides_by_number(number)) {
    return (void)std::move(call.notification).let_kernel_run();
  }
  (void)std::move(call.notification).deny(EPERM);
}

std::uint64_t nanoseconds_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

void handle(Worker& worker, Notification&& received) {
  const std::uint64_t begun = nanoseconds_now();
  Notification notification = std::move(received);
  if (notification.call().arch != AUDIT_ARCH_X86_64) return (void)std::move(notification).deny(ENOSYS);
  Outcome<Caller> caller = Caller::look(notification, worker.callers, worker.identity, facts_needed(notification.call()));
  if (!caller.ok()) return (void)std::move(notification).deny(caller.code());
  if (only_looks(notification.number())) caller->look_only();
  Call call{worker, notification, *caller};
  answer(call);
  if (call.decided == nullptr) return;
  call.decided->answers.fetch_add(1, std::memory_order_relaxed);
  call.decided->nanoseconds.fetch_add(nanoseconds_now() - begun, std::memory_order_relaxed);
}

}  // namespace warder::supervisor
