// /sys/fs/cgroup inside the container. P2, already in its cgroup.
//
// v1: a tmpfs with one directory per hierarchy ("cpu,cpuacct" plus the links cpu and cpuacct), each showing the container's own
// cgroup as its root. v2: the one hierarchy. With a cgroup namespace the kernel shows the right root by itself; without one the
// container's directory is bound, so that the host's tree is never visible.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/cgroups/cgroup.h"
#include "runtime/container/mounts.h"

namespace warder::runtime {

namespace {

using kernel::Recursion;

std::string directory_name(std::string_view controllers) {
  return std::string(controllers.starts_with("name=") ? controllers.substr(5) : controllers);
}

/// The directories to show: the container's, or our own where it has none (cgroups disabled).
Result<std::vector<CgroupState::Directory>> shown_directories(const MountContext& context) {
  if (!context.cgroup.directories.empty()) return context.cgroup.directories;
  std::vector<CgroupState::Directory> own;
  for (const Hierarchy& hierarchy : WARDER_TRY(CgroupLayout::probe()).hierarchies) {
    own.push_back({hierarchy.controllers, hierarchy.mount_point + hierarchy.own_path, false});
  }
  return own;
}

/// A detached copy of the directory's mount. The way there may be closed to the root of a user namespace.
Result<Fd> directory_tree(const MountContext& context, const std::string& directory) {
  for (std::size_t index = 0; index < context.cgroup_trees.size(); ++index) {
    const bool found = context.cgroup.directories[index].directory == directory && context.cgroup_trees[index].valid();
    if (found) return std::move(context.cgroup_trees[index]);
  }
  return kernel::clone_mount(BorrowedFd(AT_FDCWD), directory, Recursion::this_mount);
}

Result<Fd> v1_hierarchy(const MountContext& context, const CgroupState::Directory& shown, std::uint64_t attributes) {
  if (context.cgroup_namespace) {
    kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open("cgroup"));
    WARDER_TRY(filesystem.set("source", "cgroup"));
    if (shown.controllers.starts_with("name=")) {
      WARDER_TRY(filesystem.set_flag("none"));
      WARDER_TRY(filesystem.set("name", shown.controllers.substr(5)));
    } else {
      std::string_view rest = shown.controllers;
      while (!rest.empty()) {
        std::size_t comma = rest.find(',');
        WARDER_TRY(filesystem.set_flag(std::string(rest.substr(0, comma))));
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
      }
    }
    return filesystem.mount(attributes);
  }
  Fd tree = WARDER_TRY(directory_tree(context, shown.directory));
  WARDER_TRY(kernel::set_mount_attributes(tree, {.set = attributes}, Recursion::this_mount));
  return tree;
}

Result<void> link_controllers(BorrowedFd top, const std::string& name) {
  if (name.find(',') == std::string::npos) return {};
  std::string_view rest = name;
  while (!rest.empty()) {
    std::size_t comma = rest.find(',');
    std::string one(rest.substr(0, comma));
    if (::symlinkat(name.c_str(), top.get(), one.c_str()) < 0 && errno != EEXIST) return Error::syscall("symlinkat");
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return {};
}

Result<void> mount_v1(const MountContext& context, const MountPlan& plan, BorrowedFd target,
                      const std::vector<CgroupState::Directory>& directories) {
  constexpr std::uint64_t hard = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  bool read_only = (plan.attributes.set & MOUNT_ATTR_RDONLY) != 0;
  kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open("tmpfs"));
  WARDER_TRY(filesystem.set("source", "tmpfs"));
  WARDER_TRY(filesystem.set("mode", "755"));
  Fd top = WARDER_TRY(filesystem.mount(hard));
  WARDER_TRY(kernel::attach_mount(top, target));
  std::uint64_t attributes = hard | MOUNT_ATTR_RELATIME | (read_only ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0);
  for (const CgroupState::Directory& shown : directories) {
    if (shown.controllers.empty()) continue;
    std::string name = directory_name(shown.controllers);
    if (::mkdirat(top.get(), name.c_str(), 0755) < 0) return Error::syscall("mkdirat '" + name + "'");
    Fd point = WARDER_TRY(kernel::open_beneath(top, name, O_PATH | O_DIRECTORY));
    Fd hierarchy = WARDER_TRY_WITH(v1_hierarchy(context, shown, attributes), name);
    WARDER_TRY_WITH(kernel::attach_mount(hierarchy, point), name);
    WARDER_TRY(link_controllers(top, name));
  }
  if (read_only) WARDER_TRY(kernel::set_mount_attributes(top, {.set = MOUNT_ATTR_RDONLY}, Recursion::this_mount));
  return {};
}

Result<void> mount_v2(const MountContext& context, const MountPlan& plan, BorrowedFd target, const std::string& directory) {
  kernel::MountAttributes attributes{.set = plan.attributes.set};
  if (context.cgroup_namespace) {
    kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open("cgroup2"));
    WARDER_TRY(filesystem.set("source", "cgroup"));
    Result<Fd> mount = filesystem.mount(attributes.set);
    if (mount) return kernel::attach_mount(*mount, target);
    // A user namespace that does not own its network namespace may not (EPERM), nor may one below another mount (EBUSY).
    if (mount.error().code() != EPERM && mount.error().code() != EBUSY) return std::move(mount).error();
  }
  Fd tree = WARDER_TRY(directory_tree(context, directory));
  if (!attributes.empty()) WARDER_TRY(kernel::set_mount_attributes(tree, attributes, Recursion::this_mount));
  return kernel::attach_mount(tree, target);
}

}  // namespace

Result<void> mount_cgroups(const MountContext& context, const MountPlan& plan, BorrowedFd target, MadeMounts& /*made*/) {
  std::vector<CgroupState::Directory> directories = WARDER_TRY(shown_directories(context));
  bool unified = directories.size() == 1 && directories[0].controllers.empty();
  return unified ? mount_v2(context, plan, target, directories[0].directory) : mount_v1(context, plan, target, directories);
}

}  // namespace warder::runtime
