// Entering a container for the length of some mounts. The host process of `mounts`, and a child of it.
#include "runtime/container/live_mounts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <vector>

#include "linux/clone.h"
#include "linux/open.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "runtime/container/children.h"
#include "runtime/container/mounts.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

Result<void> check(const Mount& mount, const MountPlan& plan, MountChange change) {
  for (std::string_view kernel : {"/proc", "/sys", "/dev"}) {
    bool inside = mount.destination == kernel || mount.destination.starts_with(std::string(kernel) + "/");
    if (inside) return Error::user("what is at and below " + std::string(kernel) + " cannot be changed in a running container");
  }
  if (change == MountChange::remove) return {};
  bool tmpfs = plan.kind == MountKind::filesystem && plan.type == "tmpfs";
  if (plan.kind != MountKind::bind && !tmpfs)
    return Error::user("only bind mounts and tmpfs can be added to a running container");
  if (plan.map_ids || plan.copy_source_link) {
    return Error::user("'idmap' and 'copy-symlink' are not for mounts of a running container");
  }
  return {};
}

/// The namespaces and the root of PID 1, which are the workload's.
struct Place {
  Fd init;  ///< pidfd
  Fd root;
  int namespaces = CLONE_NEWNS;
  std::optional<FirstIds> first;
};

Result<Place> open_place(const ContainerState& container) {
  Place place;
  place.init = WARDER_TRY(kernel::open_pidfd(container.init.pid));
  if (!still_alive(container.init)) return Error(Fault::user, "container not running");
  std::string process = "/proc/" + std::to_string(container.init.pid);
  place.root = WARDER_TRY(kernel::open_path(process + "/root", O_PATH | O_DIRECTORY));
  if (!container.own_user_namespace) return place;
  place.namespaces |= CLONE_NEWUSER;
  place.first = WARDER_TRY(first_ids(process));
  return place;
}

Result<void> enter(const Place& place) {
  if (::setns(place.init.get(), place.namespaces) < 0) return Error::syscall("setns to the container's namespaces");
  if ((place.namespaces & CLONE_NEWUSER) != 0) WARDER_TRY(become_namespace_root(place.first));
  ::umask(0);
  return {};
}

Result<void> unmount(BorrowedFd root, const std::string& destination) {
  Fd target = WARDER_TRY(kernel::open_in_root(root, destination, O_PATH));
  struct statx status {};
  if (::statx(target.get(), "", AT_EMPTY_PATH, 0, &status) < 0) return Error::syscall("statx");
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0) return Error::user("nothing is mounted there");
  auto [parent, name] = WARDER_TRY(ensure_parent(root, destination));
  if (::fchdir(parent.get()) < 0) return Error::syscall("fchdir");
  if (::umount2(name.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) return Error::syscall("umount2");
  return {};
}

Result<void> change_inside(const ContainerState& container, MountChange change, std::span<const Mount> mounts,
                           const std::string& directory, const Place& place, std::span<Fd> trees) {
  WARDER_TRY(enter(place));
  if (change == MountChange::remove) {
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
      WARDER_TRY_WITH(unmount(place.root, mount->destination), "mount '" + mount->destination + "'");
    }
    return {};
  }
  const std::string no_label;
  MountContext context{.root = place.root,
                       .bundle = directory,
                       .cgroup = container.cgroup,
                       .label = no_label,
                       .cgroup_namespace = false,
                       .host_trees = trees};
  MadeMounts made = WARDER_TRY(make_mounts(context, mounts));
  return made.make_read_only();
}

}  // namespace

Result<void> change_mounts(const ContainerState& container, MountChange change, std::span<const Mount> mounts,
                           const std::string& directory) {
  std::vector<Fd> trees(mounts.size());
  for (std::size_t index = 0; index < mounts.size(); ++index) {
    auto prepare = [&]() -> Result<void> {
      MountPlan plan = WARDER_TRY(plan_mount(mounts[index]));
      WARDER_TRY(check(mounts[index], plan, change));
      if (change == MountChange::add && plan.kind == MountKind::bind) trees[index] = WARDER_TRY(clone_source(plan, directory));
      return {};
    };
    WARDER_TRY_WITH(prepare(), "mount '" + mounts[index].destination + "'");
  }
  Place place = WARDER_TRY(open_place(container));
  auto [mine, theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  if (::geteuid() == 0) WARDER_TRY(kernel::become_undumpable());
  kernel::Cloned child = WARDER_TRY(kernel::clone_process({}));
  if (child.child()) {
    mine.reset();
    Result<void> changed = change_inside(container, change, mounts, directory, place, trees);
    if (!changed) fail_child(theirs, changed.error());
    ::_exit(0);
  }
  theirs.reset();
  Result<supervisor::Message> failure = supervisor::receive_message(mine);
  int code = WARDER_TRY(kernel::wait_exit(child.pidfd));
  if (failure.ok()) return Error(Fault::user, std::move(failure->text), static_cast<int>(failure->number));
  if (code != 0) return Error(Fault::environment, "the process that mounts ended with status " + std::to_string(code));
  return {};
}

}  // namespace warder::runtime
