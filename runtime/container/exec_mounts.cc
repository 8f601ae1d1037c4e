// Splitting the container's tree by where code may come from. P2.
//
// Executable trees inside noexec ones are copied before anything is changed, because flags are set on all that is mounted below
// and never cleared again: a clear would undo what config.json asked for.
#include "runtime/container/exec_mounts.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

using kernel::Recursion;
using policy::ExecMountRule;

constexpr std::string_view setting = "executable-mappings";

Result<Fd> open_exactly(BorrowedFd root, const std::string& path) {
  return kernel::open_in_root(root, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
}

/// What the rule is about; nothing where it needs no mount. No link on the way is followed: a profile's paths are canonical, and
/// whoever has put a link there since then has moved what the rule is about.
Result<std::optional<Fd>> target_of(BorrowedFd root, const ExecMountRule& rule) {
  const std::string path(rule.path);
  Result<Fd> opened = open_exactly(root, path);
  if (!opened && opened.error().code() == ENOENT && rule.to_be_made) {
    Result<Fd> made = ensure_directory(root, path);
    // A read-only file system: the workload cannot make it either.
    if (!made && (made.error().code() == EROFS || made.error().code() == ENOENT)) return std::optional<Fd>();
    (void)WARDER_TRY(std::move(made));
    opened = open_exactly(root, path);
  }
  if (!opened && opened.error().code() == ENOENT && rule.may_be_absent) return std::optional<Fd>();
  if (!opened && opened.error().code() == ENOENT) {
    return Error::user("'" + path + "' must be there when the container starts, because it needs a mount");
  }
  Fd target = WARDER_TRY(std::move(opened));
  struct stat status = WARDER_TRY(status_of(target));
  if (S_ISLNK(status.st_mode) && !rule.keeps_link) {
    return Error::user("'" + path + "' is a symbolic link that the workload may replace, and needs a mount");
  }
  if (S_ISLNK(status.st_mode) || (rule.name_alone && S_ISDIR(status.st_mode))) return std::optional<Fd>();
  return std::optional(std::move(target));
}

bool is_mount(BorrowedFd target) {
  struct statx status {};
  return ::statx(target.get(), "", AT_EMPTY_PATH, 0, &status) == 0 && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<void> make_noexec(BorrowedFd target) {
  const kernel::MountAttributes noexec{.set = MOUNT_ATTR_NOEXEC};
  if (is_mount(target)) return kernel::set_mount_attributes(target, noexec, Recursion::whole_tree);
  Fd tree = WARDER_TRY(kernel::clone_mount(target, "", Recursion::whole_tree));
  WARDER_TRY(kernel::set_mount_attributes(tree, noexec, Recursion::whole_tree));
  return kernel::attach_mount(tree, target);
}

}  // namespace

Result<void> make_exec_mounts(BorrowedFd root, std::span<const ExecMountRule> rules) {
  std::vector<Fd> kept(rules.size());
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].executable) continue;
    const std::optional<Fd> target = WARDER_TRY_WITH(target_of(root, rules[i]), setting);
    if (target) kept[i] = WARDER_TRY_WITH(kernel::clone_mount(*target, "", Recursion::whole_tree), rules[i].path);
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].path == "/") {
      WARDER_TRY_WITH(kernel::set_mount_attributes(root, {.set = MOUNT_ATTR_NOEXEC}, Recursion::whole_tree), setting);
      continue;
    }
    const std::optional<Fd> target = WARDER_TRY_WITH(target_of(root, rules[i]), setting);
    if (!target) continue;
    if (!rules[i].executable) {
      WARDER_TRY_WITH(make_noexec(*target), rules[i].path);
    } else if (kept[i]) {
      WARDER_TRY_WITH(kernel::attach_mount(kept[i], *target), rules[i].path);
    } else {
      return Error::user(std::string(setting) + ": '" + std::string(rules[i].path) + "' was replaced during creation");
    }
  }
  return {};
}

}  // namespace warder::runtime
