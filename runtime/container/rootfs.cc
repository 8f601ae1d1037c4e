// Building and sealing the container's root. P2; CAP_SYS_ADMIN over its mount namespace, still with the host's tree in reach.
#include "runtime/container/rootfs.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "linux/loopback.h"
#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/container/devices.h"
#include "runtime/container/exec_mounts.h"
#include "runtime/container/id_maps.h"
#include "runtime/container/masks.h"
#include "runtime/container/rootfs_path.h"
#include "runtime/container/sysctl.h"
#include "runtime/rootless.h"

namespace warder::runtime {

namespace {

using kernel::Recursion;

/// A bind mount at /dev brings its own devices; ours stay out of the host's directory.
bool dev_is_bound(const std::vector<Mount>& mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [](const Mount& mount) {
    Result<MountPlan> plan = plan_mount(mount);
    return mount.destination == "/dev" && plan && plan->kind == MountKind::bind;
  });
}

/// A user namespace with the maps of the mount, else with the container's.
Result<Fd> mapping_of(const Mount& mount, const Linux& linux_) {
  bool own = !mount.uid_mappings.empty();
  if (!own && linux_.uid_mappings.empty()) return Error::user("'idmap' needs mappings, of the mount or of the container");
  return make_mapping_namespace(own ? mount.uid_mappings : linux_.uid_mappings, own ? mount.gid_mappings : linux_.gid_mappings);
}

/// Copies of host mounts made outside keep their peers; inside they must only receive.
Result<Fd> host_source(const MountPlan& plan, const Mount& mount, const std::string& bundle, const Linux& linux_) {
  Fd tree = WARDER_TRY(clone_source(plan, bundle));
  if (plan.map_ids) {
    Fd mapping = WARDER_TRY(mapping_of(mount, linux_));
    Recursion recursion = plan.map_ids_below ? Recursion::whole_tree : Recursion::this_mount;
    WARDER_TRY(kernel::map_mount_ids(tree, mapping, recursion));
  }
  WARDER_TRY(kernel::set_mount_attributes(tree, {.propagation = MS_SLAVE}, Recursion::whole_tree));
  return tree;
}

Result<std::vector<Fd>> open_cgroups(const CgroupState& cgroup) {
  std::vector<Fd> trees;
  for (const CgroupState::Directory& one : cgroup.directories) {
    trees.push_back(WARDER_TRY(kernel::clone_mount(BorrowedFd(AT_FDCWD), one.directory, Recursion::this_mount)));
    WARDER_TRY(kernel::set_mount_attributes(trees.back(), {.propagation = MS_SLAVE}, Recursion::this_mount));
  }
  return trees;
}

Result<void> set_names(const Spec& spec) {
  if (!spec.linux_.makes(NamespaceType::uts)) return {};
  if (!spec.hostname.empty() && ::sethostname(spec.hostname.data(), spec.hostname.size()) < 0) {
    return Error::syscall("sethostname");
  }
  if (!spec.domainname.empty() && ::setdomainname(spec.domainname.data(), spec.domainname.size()) < 0) {
    return Error::syscall("setdomainname");
  }
  return {};
}

}  // namespace

Result<HostTrees> open_host_trees(const Spec& spec, const std::string& bundle, BorrowedFd rootfs, const NamespacePlan& plan,
                                  const CgroupState& cgroup) {
  HostTrees trees;
  bool outside = plan.in_user_namespace() && ::geteuid() == 0;
  if (outside) {
    trees.root = WARDER_TRY_WITH(kernel::clone_mount(rootfs, "", Recursion::whole_tree), "rootfs");
    WARDER_TRY_WITH(kernel::set_mount_attributes(trees.root, {.propagation = MS_SLAVE}, Recursion::whole_tree), "rootfs");
  }
  for (std::size_t index = 0; index < spec.mounts.size(); ++index) {
    const Mount& mount = spec.mounts[index];
    MountPlan plan_of_mount = WARDER_TRY_WITH(plan_mount(mount), "mount '" + mount.destination + "'");
    if (outside && plan_of_mount.kind == MountKind::cgroup && trees.cgroups.empty()) {
      trees.cgroups = WARDER_TRY_WITH(open_cgroups(cgroup), "mount '" + mount.destination + "'");
    }
    bool bind = plan_of_mount.kind == MountKind::bind && !plan_of_mount.copy_source_link;
    if (!bind || !(outside || plan_of_mount.map_ids)) continue;
    trees.sources.resize(spec.mounts.size());
    trees.sources[index] =
        WARDER_TRY_WITH(host_source(plan_of_mount, mount, bundle, spec.linux_), "mount '" + mount.destination + "'");
  }
  return trees;
}

/// The root is attached where the bundle has it, as hooks expect; over "/" where that place cannot be reached (a user namespace
/// below a 0700 directory) or where its parent may be a peer of the host's and would tell it.
Result<void> RootfsBuilder::attach_root() {
  Fd tree = std::move(trees_.root);
  Result<Fd> place = kernel::open_path(spec_.root.path, O_PATH | O_DIRECTORY);
  if (place) {
    struct stat expected = WARDER_TRY(status_of(rootfs_));
    struct stat found = WARDER_TRY(status_of(*place));
    if (expected.st_dev != found.st_dev || expected.st_ino != found.st_ino) {
      return Error::user("'" + spec_.root.path + "' was replaced during creation");
    }
  } else if (!tree) {
    return std::move(place).error();
  }
  if (!tree) tree = WARDER_TRY(kernel::clone_mount(*place, "", Recursion::whole_tree));
  if (keeps_peers()) {
    std::uint64_t apart = propagation_.type == MS_SLAVE ? std::uint64_t{MS_SLAVE} : std::uint64_t{MS_PRIVATE};
    WARDER_TRY(kernel::set_mount_attributes(tree, {.propagation = apart}, Recursion::whole_tree));
    WARDER_TRY(kernel::set_mount_attributes(host_root_, {.propagation = apart}, Recursion::this_mount));
  }
  over_host_root_ = keeps_peers() || !place;
  WARDER_TRY(kernel::attach_mount(tree, over_host_root_ ? BorrowedFd(host_root_) : BorrowedFd(*place)));
  root_ = std::move(tree);
  return {};
}

/// A working directory that the image lacks is made, as every caller expects. Whether it may be entered at all is decided where
/// it is entered, so that any other failure waits for that.
Result<void> RootfsBuilder::make_working_directory() {
  const std::string& directory = spec_.process.cwd;
  if (directory == "/") return {};
  Result<Fd> there = kernel::open_in_root(root_, directory, O_PATH);
  if (there || there.error().code() != ENOENT) return {};
  (void)WARDER_TRY_WITH(ensure_directory(root_, directory), "process.cwd");
  return {};
}

Result<void> RootfsBuilder::build() {
  ::umask(0);
  propagation_ = WARDER_TRY(parse_propagation(spec_.linux_.rootfs_propagation));
  host_root_ = WARDER_TRY(kernel::open_path("/", O_PATH | O_DIRECTORY));
  if (!trees_.dev) trees_.dev = WARDER_TRY(kernel::open_path("/dev", O_PATH | O_DIRECTORY));
  null_device_ = Fd(::openat(trees_.dev.get(), "null", O_PATH | O_CLOEXEC));
  if (!null_device_) return Error::syscall("openat '/dev/null'");
  // An unbindable host tree could not be copied into the container: that type comes last.
  std::uint64_t first = propagation_.type == MS_UNBINDABLE ? std::uint64_t{MS_PRIVATE} : propagation_.type;
  WARDER_TRY_WITH(kernel::set_mount_attributes(host_root_, {.propagation = first}, propagation_.recursion), "rootfsPropagation");
  WARDER_TRY_WITH(attach_root(), "rootfs");
  MountContext context{.root = root_,
                       .bundle = bundle_,
                       .cgroup = cgroup_,
                       .label = spec_.linux_.mount_label,
                       .cgroup_namespace = plan_.new_cgroup,
                       .host_trees = trees_.sources,
                       .cgroup_trees = trees_.cgroups};
  made_ = WARDER_TRY(make_mounts(context, spec_.mounts));
  if (!dev_is_bound(spec_.mounts)) {
    // Below a user namespace nobody makes device nodes, be it the container's own or (podman rootless) the one we were started
    // in.
    bool user_namespace = plan_.in_user_namespace() || WARDER_TRY(is_rootless("auto"));
    NodeMethod method = user_namespace ? NodeMethod::bind_from_host : NodeMethod::make;
    WARDER_TRY(make_devices(root_, spec_.linux_.devices, method, trees_.dev));
  }
  WARDER_TRY(make_working_directory());
  if (spec_.linux_.makes(NamespaceType::network)) WARDER_TRY(kernel::bring_loopback_up());
  WARDER_TRY(write_sysctls(spec_.linux_.sysctl));
  return set_names(spec_);
}

Result<void> RootfsBuilder::pivot() {
  // "." twice: the old root ends up on top of the new one and needs no directory of the image. See pivot_root(2), NOTES.
  if (::fchdir(root_.get()) < 0) return Error::syscall("fchdir");
  if (::syscall(SYS_pivot_root, ".", ".") < 0) return Error::syscall("pivot_root");
  // Where the old root is closed to us, "." is the new one still, and the old one lies on top of that, which umount2 looks at.
  if (::fchdir(host_root_.get()) < 0 && errno != EACCES) return Error::syscall("fchdir");
  if (keeps_peers()) {  // the unmount below must not empty the host
    WARDER_TRY(kernel::set_mount_attributes(host_root_, {.propagation = MS_SLAVE}, Recursion::whole_tree));
  }
  if (::umount2(".", MNT_DETACH) < 0) return Error::syscall("umount2");
  return {};
}

Result<void> RootfsBuilder::seal(const ProfileMounts& profile, const Console* console, RootChange change) {
  if (console != nullptr && !dev_is_bound(spec_.mounts)) WARDER_TRY(mount_console(root_, *console));
  WARDER_TRY(make_paths_read_only(root_, made_, profile.read_only));
  WARDER_TRY(make_paths_read_only(root_, made_, spec_.linux_.readonly_paths));
  WARDER_TRY(mask_paths(root_, made_, null_device_, spec_.linux_.masked_paths));
  WARDER_TRY(made_.make_read_only());
  if (spec_.root.read_only) {
    WARDER_TRY_WITH(kernel::set_mount_attributes(root_, {.set = MOUNT_ATTR_RDONLY}, Recursion::this_mount), "read-only root");
  }
  WARDER_TRY(make_exec_mounts(root_, profile.exec));
  WARDER_TRY(made_.verify(root_));
  if (change == RootChange::pivot) {
    WARDER_TRY(pivot());
  } else {
    if (!over_host_root_) WARDER_TRY_WITH(kernel::attach_mount(root_, host_root_), "move the root mount");
    if (::fchdir(root_.get()) < 0 || ::chroot(".") < 0) return Error::syscall("chroot");
  }
  if (::chdir("/") < 0) return Error::syscall("chdir");
  bool late = propagation_.type == MS_SHARED || propagation_.type == MS_UNBINDABLE;
  if (late) WARDER_TRY(kernel::set_mount_attributes(root_, {.propagation = propagation_.type}, propagation_.recursion));
  return {};
}

}  // namespace warder::runtime
