// Masks and read-only binds by descriptor. P2; CAP_SYS_ADMIN over the container's mount namespace.
#include "runtime/container/masks.h"

#include <sys/stat.h>

#include "linux/mount.h"
#include "runtime/container/devices.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

using kernel::Recursion;

/// The first mask of each kind is attached as it was made, the others are copies of it.
struct Covers {
  Fd file, directory;
};

Result<Fd> empty_directory() {
  kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open("tmpfs"));
  WARDER_TRY(filesystem.set("source", "tmpfs"));
  WARDER_TRY(filesystem.set("size", "0k"));
  WARDER_TRY(filesystem.set("nr_inodes", "1"));
  WARDER_TRY(filesystem.set("mode", "755"));
  return filesystem.mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/// Read-only, so that the container's root cannot chmod the host's node through a mask. Reading and writing the device go on.
Result<Fd> null_cover(BorrowedFd null_device) {
  Fd cover = WARDER_TRY(kernel::clone_mount(null_device, "", Recursion::this_mount));
  if (!is_null_device(cover)) return Error::bug("the null device is none");
  WARDER_TRY(kernel::set_mount_attributes(cover, {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
                                          Recursion::this_mount));
  return cover;
}

Result<void> mask_one(BorrowedFd target, BorrowedFd null_device, Covers& covers) {
  struct stat status = WARDER_TRY(status_of(target));
  bool directory = S_ISDIR(status.st_mode);
  Fd& first = directory ? covers.directory : covers.file;
  if (first) {
    Fd copy = WARDER_TRY(kernel::clone_mount(first, "", Recursion::this_mount));
    return kernel::attach_mount(copy, target);
  }
  first = WARDER_TRY(directory ? empty_directory() : null_cover(null_device));
  return kernel::attach_mount(first, target);
}

Result<void> read_only_one(BorrowedFd target) {
  Fd tree = WARDER_TRY(kernel::clone_mount(target, "", Recursion::whole_tree));
  WARDER_TRY(kernel::set_mount_attributes(tree, {.set = MOUNT_ATTR_RDONLY}, Recursion::whole_tree));
  return kernel::attach_mount(tree, target);
}

}  // namespace

Result<void> mask_paths(BorrowedFd root, const MadeMounts& mounts, BorrowedFd null_device, std::span<const std::string> paths) {
  if (paths.empty()) return {};
  if (!is_null_device(null_device)) return Error::user("the host's /dev/null is no null device");
  Covers covers;
  for (const std::string& path : paths) {
    std::optional<Fd> target = WARDER_TRY_WITH(mounts.find(root, path), "mask '" + path + "'");
    if (target) WARDER_TRY_WITH(mask_one(*target, null_device, covers), "mask '" + path + "'");
  }
  return {};
}

Result<void> make_paths_read_only(BorrowedFd root, const MadeMounts& mounts, std::span<const std::string> paths) {
  for (const std::string& path : paths) {
    std::optional<Fd> target = WARDER_TRY_WITH(mounts.find(root, path), "make '" + path + "' read-only");
    if (target) WARDER_TRY_WITH(read_only_one(*target), "make '" + path + "' read-only");
  }
  return {};
}

}  // namespace warder::runtime
