// The container's file system and host names, from the host's mount namespace copy to the pivoted root. P2.
//
// build() ends where createRuntime and createContainer hooks may look; seal() takes away what the workload must not have and
// makes the new root the only one. Between the two the host's tree is still there, in front of an untrusted rootfs: nothing of
// the rootfs is used by name (rootfs_path.h).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/core/compiled.h"
#include "runtime/config/spec.h"
#include "runtime/container/console.h"
#include "runtime/container/mounts.h"
#include "runtime/container/namespaces.h"

namespace warder::runtime {

/// Trees opened by P0, where the container's own privileges do not suffice.
struct HostTrees {
  Fd root;                  ///< invalid: P2 opens the rootfs by its path
  Fd dev;                   ///< the host's /dev in the container's mount namespace, opened by P1; invalid: P2 opens it
  std::vector<Fd> sources;  ///< by index of Spec::mounts; empty, or invalid where P2 opens the source
  std::vector<Fd> cgroups;  ///< the container's own, by index of CgroupState::directories; empty where P2 opens them
};

/// What P0 has to open for this container: everything with a user namespace whose maps a privileged P0 has written, and idmapped
/// mounts always. Needs CAP_SYS_ADMIN where the result is not empty.
Result<HostTrees> open_host_trees(const Spec& spec, const std::string& bundle, BorrowedFd rootfs, const NamespacePlan& plan,
                                  const CgroupState& cgroup);

/// What the profile wants of the mounts, for everybody in the container.
struct ProfileMounts {
  std::vector<std::string> read_only;
  std::vector<policy::ExecMountRule> exec;  ///< into the compiled profile, which outlives them
};

enum class RootChange : std::uint8_t { pivot, move };

class RootfsBuilder {
 public:
  RootfsBuilder(const Spec& spec, const std::string& bundle, BorrowedFd rootfs, const NamespacePlan& plan,
                const CgroupState& cgroup, HostTrees& trees)
      : spec_(spec), bundle_(bundle), rootfs_(rootfs), plan_(plan), cgroup_(cgroup), trees_(trees) {}

  /// Propagation, the root mount, `mounts`, devices, loopback, sysctls, host and domain name.
  Result<void> build();

  /// The profile's read-only trees, read-only paths, masks, /dev/console, the read-only root, the profile's noexec trees; then
  /// pivot_root (or the root mount is moved over the old one). Afterwards "/" is the container's root.
  Result<void> seal(const ProfileMounts& profile, const Console* console, RootChange change);

  [[nodiscard]] BorrowedFd root() const { return root_; }

 private:
  /// True where mounts that still are the host's peers remain: what is mounted or unmounted below them would happen there too.
  [[nodiscard]] bool keeps_peers() const {
    return propagation_.type == MS_SHARED || propagation_.recursion == kernel::Recursion::this_mount;
  }
  Result<void> attach_root();
  Result<void> make_working_directory();
  Result<void> pivot();

  const Spec& spec_;
  const std::string& bundle_;
  BorrowedFd rootfs_;
  const NamespacePlan& plan_;
  const CgroupState& cgroup_;
  HostTrees& trees_;
  PropagationChange propagation_;
  Fd host_root_;    ///< "/" of the host in our mount namespace
  Fd null_device_;  ///< the host's, for masks
  Fd root_;
  bool over_host_root_ = false;  ///< attached on "/" and not where the bundle has it
  MadeMounts made_;
};

}  // namespace warder::runtime
