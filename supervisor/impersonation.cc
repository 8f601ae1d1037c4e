#include "supervisor/impersonation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace warder::supervisor {

Result<void> ThreadIdentity::begin() {
  WARDER_TRY(kernel::own_fs_state());
  capabilities_ = WARDER_TRY(kernel::thread_capabilities());
  effective_ = capabilities_.effective;
  if (!set_effective(capabilities_.permitted)) return Error::syscall("capset", EPERM);
  ids_ = {::geteuid(), ::geteuid(), ::getegid(), ::getegid()};
  const int count = ::getgroups(0, nullptr);
  if (count < 0) return Error::syscall("getgroups");
  groups_.resize(static_cast<std::size_t>(count));
  if (count > 0 && ::getgroups(count, groups_.data()) != count) return Error::syscall("getgroups");
  umask_ = ::umask(0);
  ::umask(umask_);
  return {};
}

void ThreadIdentity::own() { (void)set_effective(capabilities_.permitted); }

Outcome<void> ThreadIdentity::become(const Credentials& caller) { return become(caller, caller.effective); }

Outcome<void> ThreadIdentity::become_for_files(const Credentials& caller) {
  const bool mounts_stay = (capabilities_.permitted >> static_cast<unsigned>(CAP_SYS_ADMIN) & 1U) == 0;
  return mounts_stay ? become_tracer(caller) : become(caller);
}

Outcome<void> ThreadIdentity::become_tracer(const Credentials& caller) {
  return become(caller, caller.effective | 1ULL << CAP_SYS_PTRACE);
}

Outcome<void> ThreadIdentity::become(const Credentials& caller, std::uint64_t effective) {
  if (umask_ != caller.umask) {
    ::umask(caller.umask);
    umask_ = caller.umask;
  }
  const Ids wanted{caller.effective_uid, caller.fs_uid, caller.effective_gid, caller.fs_gid};
  if ((wanted != ids_ || caller.groups != groups_) && !change_ids(wanted, caller.groups)) {
    (void)set_effective(0);
    return Errno{EPERM};
  }
  if (!set_effective(effective & capabilities_.permitted)) {
    (void)set_effective(0);
    return Errno{EPERM};
  }
  return {};
}

bool ThreadIdentity::change_ids(const Ids& wanted, const std::vector<gid_t>& groups) {
  constexpr auto keep = static_cast<uid_t>(-1);
  if (!set_effective(capabilities_.permitted)) return false;
  // The kernel may adapt the effective set to new ids (cap_task_fix_setuid), so what is remembered of it ends here; and whatever
  // fails half-way leaves no match behind.
  effective_ = ~capabilities_.permitted;
  if (groups != groups_) {
    if (kernel::set_thread_groups(groups) != 0) return false;
    groups_ = groups;
  }
  const Ids before = std::exchange(ids_, Ids{keep, keep, keep, keep});
  // A new effective id is the new file system id, too.
  if (wanted.effective_gid != before.effective_gid || wanted.fs_gid != before.fs_gid) {
    if (kernel::set_thread_gids(keep, wanted.effective_gid, keep) != 0) return false;
    if (wanted.fs_gid != wanted.effective_gid && kernel::set_thread_fs_gid(wanted.fs_gid) != 0) return false;
  }
  if (wanted.effective_uid != before.effective_uid || wanted.fs_uid != before.fs_uid) {
    if (kernel::set_thread_uids(keep, wanted.effective_uid, keep) != 0) return false;
    // Leaving uid 0 may have emptied the effective set, which the file system id needs.
    effective_ = ~capabilities_.permitted;
    if (wanted.fs_uid != wanted.effective_uid &&
        (!set_effective(capabilities_.permitted) || kernel::set_thread_fs_uid(wanted.fs_uid) != 0)) {
      return false;
    }
  }
  ids_ = wanted;
  effective_ = ~capabilities_.permitted;
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
