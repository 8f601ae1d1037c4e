// Finding and making objects below the container's root while somebody else may be renaming and linking in it. P2, with the
// container's root as a descriptor; nothing here ever uses a path of the host.
//
// The rootfs and every volume are untrusted: any component may be a symbolic link, and may become one between two calls. Each
// step therefore starts from a descriptor that the kernel resolved inside the root (openat2, RESOLVE_IN_ROOT) and makes one
// component with mkdirat(2), which follows nothing.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// An O_PATH descriptor of the object that a process in this root would get by `path`; nothing where there is none.
Result<std::optional<Fd>> find_in_root(BorrowedFd root, const std::string& path);

/// The directory `path`, made with its parents (mode 0755, root's) where it is missing. A dangling link is completed inside the
/// root, as mount(8) users expect of /var/run -> /run. ENOTDIR where something else stands there.
Result<Fd> ensure_directory(BorrowedFd root, const std::string& path);

/// The same for a mount point that is a file: made empty (mode 0644) where it is missing.
Result<Fd> ensure_file(BorrowedFd root, const std::string& path);

/// The directory that holds the last component of `path` (made where missing), and that component.
Result<std::pair<Fd, std::string>> ensure_parent(BorrowedFd root, const std::string& path);

/// fstat(2) of a descriptor that may be O_PATH.
Result<struct stat> status_of(BorrowedFd fd);

/// "/a//b/./c/" -> "/a/b/c"; ".." is resolved by the text alone and never leaves "/".
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace warder::runtime
