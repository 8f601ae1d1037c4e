// How a worker acts as the caller for the length of one call (law 3). Workers of PID 1, each its own thread's credentials.
//
// A worker keeps PID 1's real and saved ids and its permitted capabilities for ever, and changes only what the kernel looks at
// when files are touched: effective and file system ids, supplementary groups, the effective set and the umask. So it can always
// come back, and never becomes a process that the workload's user could signal or trace. The effective ids count too: sysctl
// files below /proc/sys ask for them. Raw system calls: libc would change all threads.
#pragma once

#include <linux/capability.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "linux/credentials.h"
#include "linux/result.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {

/// What permission checks look at. Ids are those of PID 1's user namespace.
struct Credentials {
  uid_t real_uid = 0, effective_uid = 0, saved_uid = 0, fs_uid = 0;
  gid_t real_gid = 0, effective_gid = 0, saved_gid = 0, fs_gid = 0;
  std::vector<gid_t> groups;
  std::uint64_t effective = 0;  ///< bit N = capability N
  std::uint64_t permitted = 0;
  mode_t umask = 022;
};

/// Capabilities that PID 1 must have beside those of its callers: to read their memory and descriptors wherever they are
/// (SYS_PTRACE, DAC_READ_SEARCH), to become them (SETUID, SETGID) and to end them (KILL).
/// Bit N = capability N.
inline constexpr std::uint64_t inspecting_capabilities =
    1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID | 1ULL << CAP_KILL;

/// The identity of one worker thread. Not shared, not moved to another thread.
class ThreadIdentity {
 public:
  /// Gives the calling thread its own root, cwd and umask (CLONE_FS). Call once, in the worker, with PID 1's ids and
  /// capabilities.
  Result<void> begin();

  /// PID 1's own power: to look at callers, never to act for them.
  void own();
  /// The caller's power and nothing else. Free of system calls where the last caller had the same. EPERM where the kernel
  /// refuses; the thread then has PID 1's ids and no effective capability.
  Outcome<void> become(const Credentials& caller);
  /// As become(), for touching files that are on no procfs: keeps the power to look at callers, which means nothing to other file
  /// systems, so that nothing changes between looking at a caller and acting for it. Just become() where anybody in the container
  /// may mount, because a procfs could then turn up anywhere.
  Outcome<void> become_for_files(const Credentials& caller);
  /// As become(), and may trace besides: see Caller::act_on_itself().
  Outcome<void> become_tracer(const Credentials& caller);
  /// True while the thread's effective set is PID 1's own.
  [[nodiscard]] bool is_own() const { return effective_ == capabilities_.permitted; }

 private:
  /// What was changed last; PID 1's own ids at first.
  struct Ids {
    uid_t effective_uid = 0, fs_uid = 0;
    gid_t effective_gid = 0, fs_gid = 0;
    friend bool operator==(const Ids&, const Ids&) = default;
  };
  Outcome<void> become(const Credentials& caller, std::uint64_t effective);
  bool change_ids(const Ids& wanted, const std::vector<gid_t>& groups);
  bool set_effective(std::uint64_t effective);

  kernel::ThreadCapabilities capabilities_;  ///< as PID 1 has them; `effective` is not kept here
  std::uint64_t effective_ = 0;
  Ids ids_;
  std::vector<gid_t> groups_;
  mode_t umask_ = 0;
};

}  // namespace warder::supervisor
