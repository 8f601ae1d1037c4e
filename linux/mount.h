// Mounts as descriptors: made detached, given their attributes, and only then attached, onto a descriptor and never onto a path.
//
// fsopen(2), fsmount(2), open_tree(2), move_mount(2): Linux 5.2; mount_setattr(2): 5.12. All need CAP_SYS_ADMIN in the user
// namespace that owns the caller's mount namespace. An error text carries the words that the filesystem itself left in its log.
#pragma once

#include <sys/mount.h>

#include <cstdint>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

enum class Recursion : std::uint8_t { this_mount, whole_tree };

/// mount_setattr(2): attributes to switch on and off (MOUNT_ATTR_*), and a propagation type (MS_PRIVATE, MS_SLAVE, …; 0: as is).
struct MountAttributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  std::uint64_t propagation = 0;

  [[nodiscard]] bool empty() const { return set == 0 && clear == 0 && propagation == 0; }
};

/// A copy of the mount (or of it and all below) at `path`, not attached anywhere. An empty path means the directory itself; its
/// last component is followed if it is a link, so give a descriptor where links matter.
Result<Fd> clone_mount(BorrowedFd directory, const std::string& path, Recursion recursion);

/// Changes a mount that the caller holds by its root.
Result<void> set_mount_attributes(BorrowedFd mount, const MountAttributes& attributes, Recursion recursion);

/// Maps the ids of a detached mount through a user namespace (MOUNT_ATTR_IDMAP). EINVAL where the filesystem cannot.
Result<void> map_mount_ids(BorrowedFd mount, BorrowedFd user_namespace, Recursion recursion);

/// Attaches a detached mount (or moves an attached one) onto the object behind `target`.
Result<void> attach_mount(BorrowedFd mount, BorrowedFd target);

/// A filesystem being configured. `type` as in /proc/filesystems.
class FilesystemContext {
 public:
  static Result<FilesystemContext> open(const std::string& type);

  Result<void> set(const std::string& key, const std::string& value);
  Result<void> set_flag(const std::string& key);
  /// Makes the filesystem and a detached mount of it with these MOUNT_ATTR_*.
  Result<Fd> mount(std::uint64_t attributes);

 private:
  explicit FilesystemContext(Fd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] Error failure(const std::string& what) const;

  Fd fd_;
};

}  // namespace warder::kernel
