// Making the mounts of config.json by descriptor. P2; CAP_SYS_ADMIN over the container's mount namespace.
#include "runtime/container/mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/container/copy_up.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

using kernel::Recursion;

constexpr ino_t proc_root_inode = 1;

// What may be covered on procfs: files that report on the machine and have no side effects (as in other runtimes).
constexpr std::array<std::string_view, 11> coverable_proc_files = {"/proc/cpuinfo",
                                                                   "/proc/diskstats",
                                                                   "/proc/loadavg",
                                                                   "/proc/meminfo",
                                                                   "/proc/net/dev",
                                                                   "/proc/slabinfo",
                                                                   "/proc/stat",
                                                                   "/proc/swaps",
                                                                   "/proc/uptime",
                                                                   "/proc/sys/kernel/ns_last_pid",
                                                                   "/proc/sys/crypto/fips_enabled"};

Result<long> filesystem_magic(BorrowedFd fd) {
  struct statfs status {};
  if (::fstatfs(fd.get(), &status) < 0) return Error::syscall("fstatfs");
  return static_cast<long>(status.f_type);
}

bool wants_real_directory(const MountPlan& plan) {
  return plan.type == "proc" || plan.type == "sysfs" || plan.destination == "/proc" || plan.destination == "/sys";
}

/// Where `plan` goes; made where it is missing.
enum class PointKind : std::uint8_t { directory, file };

Result<Fd> find_target(const MountContext& context, const MountPlan& plan, PointKind kind) {
  if (plan.destination == "/") return Error::user("the root itself cannot be a mount's destination");
  if (!plan.follow_destination) {
    auto [parent, name] = WARDER_TRY(ensure_parent(context.root, plan.destination));
    Fd there(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (there) return there;
  }
  auto make = [&] {
    return kind == PointKind::directory ? ensure_directory(context.root, plan.destination)
                                        : ensure_file(context.root, plan.destination);
  };
  if (!wants_real_directory(plan)) return make();
  // Looked at before anything is made: a dangling link would be completed.
  Result<Fd> direct = kernel::open_in_root(context.root, plan.destination, O_PATH, RESOLVE_NO_SYMLINKS);
  if (!direct && direct.error().code() == ENOENT) {
    (void)WARDER_TRY(make());
    direct = kernel::open_in_root(context.root, plan.destination, O_PATH, RESOLVE_NO_SYMLINKS);
  }
  if (!direct && direct.error().code() == ELOOP) {
    return Error::user("must be mounted on ordinary directory; the destination is or passes a symbolic link");
  }
  return direct;
}

/// The rules for what may cover procfs, by what the target is and not by what it is called.
Result<void> check_target(const MountContext& context, const MountPlan& plan, BorrowedFd target, BorrowedFd mount) {
  if (plan.destination == "/proc") {
    struct stat status = WARDER_TRY(status_of(mount));
    if (WARDER_TRY(filesystem_magic(mount)) == PROC_SUPER_MAGIC && status.st_ino == proc_root_inode) return {};
    return Error::user("only procfs can be mounted at /proc");
  }
  if (WARDER_TRY(filesystem_magic(target)) != PROC_SUPER_MAGIC) return {};
  bool coverable =
      std::find(coverable_proc_files.begin(), coverable_proc_files.end(), plan.destination) != coverable_proc_files.end();
  if (coverable) {
    Fd direct = WARDER_TRY(kernel::open_in_root(context.root, plan.destination, O_PATH, RESOLVE_NO_SYMLINKS));
    struct stat named = WARDER_TRY(status_of(direct));
    struct stat found = WARDER_TRY(status_of(target));
    if (named.st_dev == found.st_dev && named.st_ino == found.st_ino) return {};
  }
  return Error::user("nothing may be mounted inside /proc here");
}

/// Filesystems without a device behind them: "ro" belongs to the mount, the superblock may be shared with others.
bool is_virtual(std::string_view type) {
  constexpr std::array<std::string_view, 8> types = {"tmpfs", "proc", "sysfs", "mqueue", "devpts", "ramfs", "overlay", "cgroup2"};
  return std::find(types.begin(), types.end(), type) != types.end();
}

/// linux.mountLabel is for filesystems whose inodes have no label of their own.
bool takes_label(std::string_view type) { return type == "tmpfs" || type == "devpts" || type == "ramfs" || type == "overlay"; }

/// A tmpfs over a directory that was there has its mode: a /tmp stays 1777 without being told. Where nothing was, the kernel's
/// default (1777) holds.
Result<void> inherit_mode(kernel::FilesystemContext& filesystem, const MountPlan& plan, const std::optional<Fd>& covered) {
  bool told = std::any_of(plan.data.begin(), plan.data.end(), [](const auto& pair) { return pair.first == "mode"; });
  if (plan.type != "tmpfs" || told || !covered) return {};
  struct stat status = WARDER_TRY(status_of(*covered));
  char mode[16];
  std::snprintf(mode, sizeof(mode), "%o", status.st_mode & 07777U);
  return filesystem.set("mode", mode);
}

Result<Fd> new_filesystem(const MountContext& context, const MountPlan& plan, const std::optional<Fd>& covered) {
  kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open(plan.type));
  if (!plan.source.empty()) WARDER_TRY(filesystem.set("source", plan.source));
  if (!context.label.empty() && takes_label(plan.type)) WARDER_TRY(filesystem.set("context", context.label));
  for (const auto& [key, value] : plan.data) {
    WARDER_TRY(value.empty() ? filesystem.set_flag(key) : filesystem.set(key, value));
  }
  WARDER_TRY(inherit_mode(filesystem, plan, covered));
  bool read_only = (plan.attributes.set & MOUNT_ATTR_RDONLY) != 0;
  if (read_only && !is_virtual(plan.type)) WARDER_TRY(filesystem.set_flag("ro"));
  return filesystem.mount(plan.attributes.set & ~std::uint64_t{MOUNT_ATTR_RDONLY});
}

Result<void> apply_propagation(const MountPlan& plan, BorrowedFd mount) {
  for (const PropagationChange& change : plan.propagation) {
    WARDER_TRY(kernel::set_mount_attributes(mount, {.propagation = change.type}, change.recursion));
  }
  return {};
}

void remember_kernel_mount(const MountPlan& plan, Fd& mount, MadeMounts& made) {
  Result<long> magic = filesystem_magic(mount);
  if (!magic || (*magic != PROC_SUPER_MAGIC && *magic != SYSFS_MAGIC)) return;
  std::erase_if(made.kernel_mounts, [&](const auto& before) { return before.destination == plan.destination; });
  made.kernel_mounts.push_back({plan.destination, std::move(mount)});
}

/// tmpcopyup, but the owner and the mode of the new root are the options' where they say one.
Result<void> copy_covered(const MountPlan& plan, BorrowedFd target, BorrowedFd mount) {
  Fd covered = WARDER_TRY(kernel::open_at2(target, ".", O_RDONLY | O_DIRECTORY, 0));
  Fd fresh = WARDER_TRY(kernel::open_at2(mount, ".", O_RDONLY | O_DIRECTORY, 0));
  const struct stat asked = WARDER_TRY(status_of(fresh));
  WARDER_TRY_WITH(copy_contents(covered, fresh), "tmpcopyup");
  auto says = [&](std::string_view option) {
    return std::any_of(plan.data.begin(), plan.data.end(), [&](const auto& pair) { return pair.first == option; });
  };
  const uid_t owner = says("uid") ? asked.st_uid : static_cast<uid_t>(-1);
  const gid_t group = says("gid") ? asked.st_gid : static_cast<gid_t>(-1);
  if (::fchown(fresh.get(), owner, group) < 0) return Error::syscall("fchown");
  if (says("mode") && ::fchmod(fresh.get(), asked.st_mode & 07777) < 0) return Error::syscall("fchmod");
  return {};
}

Result<void> make_filesystem(const MountContext& context, const MountPlan& plan, MadeMounts& made) {
  std::optional<Fd> covered;
  if (plan.type == "tmpfs") covered = WARDER_TRY(find_in_root(context.root, plan.destination));
  Fd target = WARDER_TRY(find_target(context, plan, PointKind::directory));
  Fd mount = WARDER_TRY(new_filesystem(context, plan, covered));
  WARDER_TRY(check_target(context, plan, target, mount));
  if (plan.copy_up) WARDER_TRY(copy_covered(plan, target, mount));
  WARDER_TRY(kernel::attach_mount(mount, target));
  WARDER_TRY(apply_propagation(plan, mount));
  bool read_only = (plan.attributes.set & MOUNT_ATTR_RDONLY) != 0;
  if (read_only) made.read_only_later.push_back(WARDER_TRY(kernel::open_at2(mount, ".", O_PATH | O_DIRECTORY, 0)));
  remember_kernel_mount(plan, mount, made);
  return {};
}

/// "copy-symlink": true where the source was a link and now is one in the container too.
Result<bool> copy_source_link(const MountContext& context, const MountPlan& plan, const std::string& source) {
  char text[PATH_MAX];
  ssize_t size = ::readlink(source.c_str(), text, sizeof(text) - 1);
  if (size < 0) return false;
  text[size] = '\0';
  auto [parent, name] = WARDER_TRY(ensure_parent(context.root, plan.destination));
  if (::symlinkat(text, parent.get(), name.c_str()) < 0 && errno != EEXIST) return Error::syscall("symlinkat");
  return true;
}

std::string source_path(const MountPlan& plan, const std::string& bundle) {
  return plan.source.starts_with('/') ? plan.source : bundle + "/" + plan.source;
}

Result<void> make_bind(const MountContext& context, const MountPlan& plan, Fd tree, MadeMounts& made) {
  if (plan.copy_source_link && WARDER_TRY(copy_source_link(context, plan, source_path(plan, context.bundle)))) return {};
  if (!tree) tree = WARDER_TRY(clone_source(plan, context.bundle));
  struct stat status = WARDER_TRY(status_of(tree));
  Fd target = WARDER_TRY(find_target(context, plan, S_ISDIR(status.st_mode) ? PointKind::directory : PointKind::file));
  WARDER_TRY(check_target(context, plan, target, tree));
  WARDER_TRY(kernel::attach_mount(tree, target));
  WARDER_TRY(apply_propagation(plan, tree));
  if (S_ISDIR(status.st_mode)) remember_kernel_mount(plan, tree, made);
  return {};
}

Result<void> make_one(const MountContext& context, const Mount& mount, std::size_t index, MadeMounts& made) {
  MountPlan plan = WARDER_TRY(plan_mount(mount));
  switch (plan.kind) {
    case MountKind::filesystem:
      return make_filesystem(context, plan, made);
    case MountKind::bind:
      return make_bind(context, plan, index < context.host_trees.size() ? std::move(context.host_trees[index]) : Fd(), made);
    case MountKind::cgroup: {
      Fd target = WARDER_TRY(find_target(context, plan, PointKind::directory));
      WARDER_TRY(check_target(context, plan, target, target));
      return mount_cgroups(context, plan, target, made);
    }
    case MountKind::remount: {
      Fd there = WARDER_TRY(kernel::open_in_root(context.root, plan.destination, O_PATH));
      WARDER_TRY(kernel::set_mount_attributes(there, plan.attributes, Recursion::this_mount));
      return apply_propagation(plan, there);
    }
  }
  return Error::bug("a mount of no kind");
}

}  // namespace

Result<Fd> clone_source(const MountPlan& plan, const std::string& bundle) {
  std::string path = source_path(plan, bundle);
  Fd tree;
  if (plan.follow_source) {
    tree = WARDER_TRY(kernel::clone_mount(BorrowedFd(AT_FDCWD), path, plan.bind_recursion));
  } else {
    Fd link = WARDER_TRY(kernel::open_path(path, O_PATH | O_NOFOLLOW));
    tree = WARDER_TRY(kernel::clone_mount(link, "", plan.bind_recursion));
  }
  kernel::MountAttributes attributes = plan.attributes;
  // "rw" asks for no more than the source has: a source that is read-only on the host stays so.
  attributes.clear &= ~std::uint64_t{MOUNT_ATTR_RDONLY};
  if (!attributes.empty()) {
    Result<void> set = kernel::set_mount_attributes(tree, attributes, Recursion::this_mount);
    if (!set && set.error().code() == EPERM && attributes.clear != 0) {
      // In a user namespace the host's flags are locked: what is asked for in addition still must hold.
      attributes.clear = 0;
      attributes.set &= ~std::uint64_t{MOUNT_ATTR__ATIME};
      set = kernel::set_mount_attributes(tree, attributes, Recursion::this_mount);
    }
    WARDER_TRY(std::move(set));
  }
  if (!plan.recursive_attributes.empty()) {
    WARDER_TRY(kernel::set_mount_attributes(tree, plan.recursive_attributes, Recursion::whole_tree));
  }
  return tree;
}

Result<std::optional<Fd>> MadeMounts::find(BorrowedFd root, const std::string& path) const {
  const KernelMount* longest = nullptr;
  std::string clean = clean_path(path);
  for (const KernelMount& mount : kernel_mounts) {
    bool inside = clean == mount.destination || clean.starts_with(mount.destination + "/");
    if (inside && (longest == nullptr || mount.destination.size() > longest->destination.size())) longest = &mount;
  }
  if (longest == nullptr) return find_in_root(root, clean);
  return find_in_root(longest->root, "/" + clean.substr(longest->destination.size()));
}

Result<void> MadeMounts::verify(BorrowedFd root) const {
  for (const KernelMount& mount : kernel_mounts) {
    Fd there = WARDER_TRY_WITH(kernel::open_in_root(root, mount.destination, O_PATH, RESOLVE_NO_SYMLINKS),
                               "'" + mount.destination + "' was rearranged during creation");
    struct stat now = WARDER_TRY(status_of(there));
    struct stat made = WARDER_TRY(status_of(mount.root));
    if (now.st_dev != made.st_dev || now.st_ino != made.st_ino) {
      return Error::user("'" + mount.destination + "' was rearranged during creation");
    }
  }
  return {};
}

Result<void> MadeMounts::make_read_only() {
  for (const Fd& mount : read_only_later) {
    WARDER_TRY(kernel::set_mount_attributes(mount, {.set = MOUNT_ATTR_RDONLY}, Recursion::this_mount));
  }
  return {};
}

Result<MadeMounts> make_mounts(const MountContext& context, std::span<const Mount> mounts) {
  MadeMounts made;
  for (std::size_t index = 0; index < mounts.size(); ++index) {
    WARDER_TRY_WITH(make_one(context, mounts[index], index, made), "mount '" + mounts[index].destination + "'");
  }
  return made;
}

}  // namespace warder::runtime
