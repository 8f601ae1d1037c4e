// Credentials of the CALLING THREAD alone, by raw system calls: libc's wrappers would change every thread of the process.
//
// Used by PID 1's workers, which act for callers of different users at the same time, and by whatever drops privileges in a
// single-threaded process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "linux/result.h"

namespace warder::kernel {

/// Bit N = capability N.
struct ThreadCapabilities {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
  std::uint64_t inheritable = 0;
};

Result<ThreadCapabilities> thread_capabilities();
/// The same of any thread that the caller's PID namespace shows. No permission is needed. 0 or an errno.
int capabilities_of(pid_t thread, ThreadCapabilities& capabilities);
/// Returns 0 or an errno.
int set_thread_capabilities(const ThreadCapabilities& capabilities);

/// setfsuid(2) and setfsgid(2) do not report failure: these look whether the id took. 0 or EPERM.
int set_thread_fs_uid(uid_t uid);
int set_thread_fs_gid(gid_t gid);
/// setgroups(2): needs CAP_SETGID, and a user namespace that does not deny it. 0 or an errno.
int set_thread_groups(std::span<const gid_t> groups);
/// setresuid(2) and setresgid(2): 0 or an errno.
int set_thread_uids(uid_t real, uid_t effective, uid_t saved);
int set_thread_gids(gid_t real, gid_t effective, gid_t saved);

/// PR_SET_SECUREBITS: needs CAP_SETPCAP. 0 or an errno.
int set_thread_securebits(unsigned bits);
[[nodiscard]] unsigned thread_securebits();

/// unshare(CLONE_FS): this thread's own root, cwd and umask.
Result<void> own_fs_state();

}  // namespace warder::kernel
