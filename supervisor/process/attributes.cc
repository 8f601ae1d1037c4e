#include "supervisor/process/attributes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "linux/open.h"
#include "linux/process.h"

namespace warder::supervisor {
namespace {

/// This process's own directory in the mounted /proc, after a proof that it is that; in an exec session, which stands outside of
/// the container's PID namespace and is unknown to its /proc, the one that the runtime opened.
Result<Fd> open_own_process_directory() {
  if (Fd given(::fcntl(procfs_fd, F_DUPFD_CLOEXEC, 0)); given) return given;
  Fd proc = WARDER_TRY(kernel::open_path("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
  struct statfs status {};
  if (::fstatfs(proc.get(), &status) != 0) return Error::syscall("fstatfs");
  if (status.f_type != PROC_SUPER_MAGIC) return Error(Fault::environment, "/proc is not a procfs");
  const std::string own = std::to_string(::getpid());
  char self[16] = {};
  const ssize_t length = ::readlinkat(proc.get(), "self", self, sizeof self);
  if (length < 0 || std::string_view(self, static_cast<std::size_t>(length)) != own) {
    return Error(Fault::environment, "/proc is of another PID namespace");
  }
  return kernel::open_beneath(proc, own, O_PATH | O_DIRECTORY);
}

Result<void> write_label(const std::string& attribute, const std::string& label) {
  const Fd own = WARDER_TRY(open_own_process_directory());
  const Fd file = WARDER_TRY(kernel::open_beneath(own, attribute, O_WRONLY));
  return kernel::write_once(file, label);
}

Result<void> set_memory_policy(const MemoryPolicyPlan& policy) {
  // The kernel reads one bit less than it is told; see set_mempolicy(2).
  const unsigned long bits = policy.nodes.empty() ? 0 : policy.nodes.size() * 64 + 1;
  const long mode = policy.mode | static_cast<long>(policy.flags);
  if (::syscall(SYS_set_mempolicy, mode, policy.nodes.empty() ? nullptr : policy.nodes.data(), bits) == 0) return {};
  const std::string text = errno == EINVAL ? "invalid argument" : "";
  return text.empty() ? Error::syscall("set_mempolicy")
                      : Error(Fault::user, "linux.memoryPolicy: set_mempolicy: " + text, EINVAL);
}

}  // namespace

Result<void> lead_session(const ProcessPlan& plan) {
  // EPERM: it leads one already, because the runtime made it when it opened the console.
  if (::setsid() < 0 && errno != EPERM) return Error::syscall("setsid");
  if (plan.terminal && ::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) return Error::syscall("TIOCSCTTY");
  return {};
}

Result<void> begin_session(const ProcessPlan& plan) {
  WARDER_TRY(lead_session(plan));
  if (plan.new_session_keyring) WARDER_TRY(kernel::join_new_session_keyring());
  return {};
}

Result<void> label_next_exec(const ProcessPlan& plan) {
  if (!plan.apparmor_profile.empty()) {
    const std::string request = "exec " + plan.apparmor_profile;
    Result<void> written = write_label("attr/apparmor/exec", request);
    if (!written.ok() && written.error().code() == ENOENT) written = write_label("attr/exec", request);  // before Linux 5.8
    if (!written.ok()) return std::move(written).error().with("apparmor profile '" + plan.apparmor_profile + "'");
  }
  if (!plan.selinux_label.empty()) {
    WARDER_TRY_WITH(write_label("attr/exec", plan.selinux_label), "selinux label '" + plan.selinux_label + "'");
  }
  return {};
}

Result<void> set_scheduling(const ProcessPlan& plan) {
  const std::string& cpus = plan.cpu_affinity_final.empty() ? plan.cpu_affinity_initial : plan.cpu_affinity_final;
  if (cpus.empty()) {
    kernel::reset_cpu_affinity();
  } else {
    WARDER_TRY(kernel::set_cpu_affinity(cpus));
  }
  if (plan.scheduler) {
    const SchedulerPlan& wanted = *plan.scheduler;
    Result<void> set = kernel::set_scheduler(
        {wanted.policy, wanted.nice, wanted.priority, wanted.flags, wanted.runtime, wanted.deadline, wanted.period});
    if (!set.ok() && set.error().code() == EPERM && wanted.policy == SCHED_DEADLINE) {
      return std::move(set).error().with("process scheduler can't be used together with AllowedCPUs");
    }
    WARDER_TRY(std::move(set));
  }
  if (plan.memory_policy) WARDER_TRY(set_memory_policy(*plan.memory_policy));
  if (plan.io_priority) WARDER_TRY(kernel::set_io_priority(*plan.io_priority));
  if (plan.personality && ::personality(*plan.personality) < 0) return Error::syscall("personality");
  return {};
}

Result<void> set_limits(const ProcessPlan& plan) {
  for (const Rlimit& limit : plan.rlimits) {
    const rlimit64 value{limit.soft, limit.hard};
    if (::syscall(SYS_prlimit64, 0, limit.resource, &value, nullptr) != 0) {
      return Error::syscall("setrlimit " + std::to_string(limit.resource));
    }
  }
  return {};
}

}  // namespace warder::supervisor
