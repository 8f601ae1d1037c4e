// Opening files below a directory that somebody else may be rearranging. Any process; no privileges of its own.
//
// The kernel walks the path (openat2(2), Linux 5.6), so a symbolic link swapped in between cannot lead out of the root. Callers
// then act on the descriptor and never on the path again.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// openat2(2) with O_CLOEXEC added; EAGAIN (a rename raced with "..") is tried again a bounded number of times.
Result<Fd> open_at2(BorrowedFd directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve, mode_t mode = 0);

/// `path` as a process with this root directory would see it: absolute links and ".." stay inside, magic links are refused.
inline Result<Fd> open_in_root(BorrowedFd root, const std::string& path, std::uint64_t flags, std::uint64_t more_resolve = 0) {
  return open_at2(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | more_resolve);
}

/// `path` strictly below the directory, on the same mount and through no link at all: for procfs and cgroup files of our own.
inline Result<Fd> open_beneath(BorrowedFd directory, const std::string& path, std::uint64_t flags) {
  return open_at2(directory, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
}

/// open(2) by a path of the host that we trust.
Result<Fd> open_path(const std::string& path, int flags, mode_t mode = 0);

/// All bytes of a small file (procfs, cgroup): at most `limit`, EFBIG beyond.
Result<std::string> read_all(BorrowedFd file, std::size_t limit = 1U << 20U);
/// One write(2) with the whole text; a short write is EIO. Files of the kernel take a value in one piece or not at all.
Result<void> write_once(BorrowedFd file, std::string_view text);

/// A memfd with these bytes that nobody can change, grow or unseal any more.
Result<Fd> sealed_memfd(const char* name, std::string_view bytes);

}  // namespace warder::kernel
