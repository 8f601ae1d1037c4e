// The `mounts` of config.json, made one after the other inside the container's root. P2, in the container's mount namespace.
//
// Every mount is made detached and attached onto a descriptor that was resolved inside the root, so a link that is swapped in
// meanwhile can move it to another place of the container, but never out of it. /proc and /sys must be real directories, and what
// stands on procfs may be covered only by the few files that LXCFS and friends replace (CVE-2019-16884, -19921, CVE-2021-30465).
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"
#include "runtime/container/mount_options.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

struct MountContext {
  BorrowedFd root;            ///< the container's root, attached
  const std::string& bundle;  ///< where relative sources start
  const CgroupState& cgroup;
  const std::string& label;       ///< SELinux label of mounts; may be empty
  bool cgroup_namespace = false;  ///< the caller is in a cgroup namespace of the container's own
  /// Trees that only the host side could open (user namespaces, idmapped mounts); by index of `mounts`, invalid where none.
  std::span<Fd> host_trees;
  /// The same of the container's cgroups, by index of `cgroup.directories`; empty where they can be opened from inside.
  std::span<Fd> cgroup_trees = {};
};

/// Mounts made, for those who come after.
class MadeMounts {
 public:
  /// procfs and sysfs as mounted at `destination`: nobody can rename in them, so paths below are resolved from here.
  struct KernelMount {
    std::string destination;
    Fd root;
  };
  std::vector<KernelMount> kernel_mounts;
  /// Mounts that become read-only only when mount points and devices in them are made.
  std::vector<Fd> read_only_later;

  /// An O_PATH descriptor of `path`: from the kernel mount that it lies in, else from the container's root.
  [[nodiscard]] Result<std::optional<Fd>> find(BorrowedFd root, const std::string& path) const;
  /// Fails if a kernel mount does not stand at its destination any more, because somebody rearranged the rootfs meanwhile.
  [[nodiscard]] Result<void> verify(BorrowedFd root) const;
  Result<void> make_read_only();
};

/// All of them, in order. The error names the destination.
Result<MadeMounts> make_mounts(const MountContext& context, std::span<const Mount> mounts);

/// The detached tree of a bind mount with its attributes, as far as they do not need the container's namespace. P0 uses it for
/// host_trees.
Result<Fd> clone_source(const MountPlan& plan, const std::string& bundle);

/// The cgroup mount of one plan; cgroup_mount.cc.
Result<void> mount_cgroups(const MountContext& context, const MountPlan& plan, BorrowedFd target, MadeMounts& made);

}  // namespace warder::runtime
