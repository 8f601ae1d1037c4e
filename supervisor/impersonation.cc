#include "supervisor/impersonation.h"

#include <sys/stat.h>
#include <unistd.h>

namespace warder::supervisor {

Result<void> ThreadIdentity::begin() {
  WARDER_TRY(kernel::own_fs_state());
  capabilities_ = WARDER_TRY(kernel::thread_capabilities());
  effective_ = capabilities_.effective;
  if (!set_effective(capabilities_.permitted)) return Error::syscall("capset", EPERM);
  fs_uid_ = ::geteuid();
  fs_gid_ = ::getegid();
  const int count = ::getgroups(0, nullptr);
  if (count < 0) return Error::syscall("getgroups");
  groups_.resize(static_cast<std::size_t>(count));
  if (count > 0 && ::getgroups(count, groups_.data()) != count) return Error::syscall("getgroups");
  umask_ = ::umask(0);
  ::umask(umask_);
  return {};
}

void ThreadIdentity::own() { (void)set_effective(capabilities_.permitted); }

Outcome<void> ThreadIdentity::become(const Credentials& caller) {
  return become(caller.fs_uid, caller.fs_gid, caller.groups, caller.effective, caller.umask);
}

Outcome<void> ThreadIdentity::become_tracer(const Credentials& caller) {
  return become(caller.fs_uid, caller.fs_gid, caller.groups, caller.effective | 1ULL << CAP_SYS_PTRACE, caller.umask);
}

Outcome<void> ThreadIdentity::become(uid_t uid, gid_t gid, const std::vector<gid_t>& groups, std::uint64_t effective,
                                     mode_t mask) {
  if (umask_ != mask) {
    ::umask(mask);
    umask_ = mask;
  }
  if ((uid != fs_uid_ || gid != fs_gid_ || groups != groups_) && !change_ids(uid, gid, groups)) {
    (void)set_effective(0);
    return Errno{EPERM};
  }
  if (!set_effective(effective & capabilities_.permitted)) {
    (void)set_effective(0);
    return Errno{EPERM};
  }
  return {};
}

bool ThreadIdentity::change_ids(uid_t uid, gid_t gid, const std::vector<gid_t>& groups) {
  if (!set_effective(capabilities_.permitted)) return false;
  // The kernel adapts the effective set to a new fsuid (cap_task_fix_setuid), so what is remembered of it ends here.
  effective_ = ~capabilities_.permitted;
  if (groups != groups_) {
    if (kernel::set_thread_groups(groups) != 0) return false;
    groups_ = groups;
  }
  if (gid != fs_gid_) {
    if (kernel::set_thread_fs_gid(gid) != 0) return false;
    fs_gid_ = gid;
  }
  if (uid != fs_uid_) {
    if (kernel::set_thread_fs_uid(uid) != 0) return false;
    fs_uid_ = uid;
  }
  return true;
}

bool ThreadIdentity::set_effective(std::uint64_t effective) {
  if (effective_ == effective) return true;
  kernel::ThreadCapabilities wanted = capabilities_;
  wanted.effective = effective;
  if (kernel::set_thread_capabilities(wanted) != 0) return false;
  effective_ = effective;
  return true;
}

}  // namespace warder::supervisor
