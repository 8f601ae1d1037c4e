// Copying a directory of an untrusted image into our own tmpfs. P2, with its privileges over the new mount.
#include "runtime/container/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace warder::runtime {

namespace {

constexpr int max_depth = 256;  // an image may nest without end; our stack does not

Result<void> copy_directory(BorrowedFd from, BorrowedFd to, dev_t device, int depth);

/// Attributes that the target's filesystem does not know are left behind, like the owner's names on another machine.
void copy_attributes(BorrowedFd from, BorrowedFd to) {
  char names[4096];
  char value[4096];
  ssize_t size = ::flistxattr(from.get(), names, sizeof(names));
  for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(std::strlen(names + at)) + 1) {
    ssize_t length = ::fgetxattr(from.get(), names + at, value, sizeof(value));
    if (length >= 0) (void)::fsetxattr(to.get(), names + at, value, static_cast<std::size_t>(length), 0);
  }
}

/// The owner first: chown clears the set-id bits that fchmod then gives.
Result<void> copy_metadata(const struct stat& status, BorrowedFd from, BorrowedFd to) {
  if (::fchown(to.get(), status.st_uid, status.st_gid) < 0) return Error::syscall("fchown");
  if (::fchmod(to.get(), status.st_mode & 07777) < 0) return Error::syscall("fchmod");
  copy_attributes(from, to);
  struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(to.get(), times) < 0) return Error::syscall("futimens");
  return {};
}

Result<void> copy_file(BorrowedFd from_directory, BorrowedFd to_directory, const char* name) {
  // O_NONBLOCK: what was a file a moment ago may be a FIFO now.
  Fd from(::openat(from_directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!from) return Error::syscall("openat");
  struct stat status {};
  if (::fstat(from.get(), &status) < 0) return Error::syscall("fstat");
  if (!S_ISREG(status.st_mode)) return Error::syscall("openat", EINVAL);
  Fd to(::openat(to_directory.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return Error::syscall("openat");
  while (true) {
    ssize_t count = ::sendfile(to.get(), from.get(), nullptr, 1U << 30U);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::syscall("sendfile");
    if (count == 0) break;
  }
  return copy_metadata(status, from, to);
}

Result<void> copy_link(BorrowedFd from, BorrowedFd to, const char* name, const struct stat& status) {
  char target[PATH_MAX];
  ssize_t size = ::readlinkat(from.get(), name, target, sizeof(target) - 1);
  if (size < 0) return Error::syscall("readlinkat");
  target[size] = '\0';
  if (::symlinkat(target, to.get(), name) < 0) return Error::syscall("symlinkat");
  if (::fchownat(to.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0) return Error::syscall("fchownat");
  return {};
}

Result<void> copy_node(BorrowedFd to, const char* name, const struct stat& status) {
  if (::mknodat(to.get(), name, status.st_mode, status.st_rdev) < 0) {
    if (errno == EPERM && !S_ISFIFO(status.st_mode)) return {};  // a user namespace makes no device nodes
    return Error::syscall("mknodat");
  }
  if (::fchownat(to.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) < 0) return Error::syscall("fchownat");
  return {};
}

Result<void> copy_entry(BorrowedFd from, BorrowedFd to, const char* name, dev_t device, int depth) {
  struct stat status {};
  if (::fstatat(from.get(), name, &status, AT_SYMLINK_NOFOLLOW) < 0) return Error::syscall("fstatat");
  if (status.st_dev != device) return {};
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      return copy_file(from, to, name);
    case S_IFLNK:
      return copy_link(from, to, name, status);
    case S_IFSOCK:
      return {};
    case S_IFDIR:
      break;
    default:
      return copy_node(to, name, status);
  }
  if (::mkdirat(to.get(), name, 0700) < 0) return Error::syscall("mkdirat");
  Fd below(::openat(from.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!below) return Error::syscall("openat");
  Fd made(::openat(to.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return Error::syscall("openat");
  return copy_directory(below, made, device, depth + 1);
}

Result<void> copy_directory(BorrowedFd from, BorrowedFd to, dev_t device, int depth) {
  if (depth > max_depth) return Error::syscall("directories nested too deep", ELOOP);
  Fd listed(::openat(from.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!listed) return Error::syscall("openat");
  struct stat status {};
  if (::fstat(listed.get(), &status) < 0) return Error::syscall("fstat");
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(listed.get()), ::closedir);
  if (!entries) return Error::syscall("fdopendir");
  BorrowedFd source(listed.release());  // the stream owns it now
  while (dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    WARDER_TRY_WITH(copy_entry(source, to, entry->d_name, device, depth), std::string(name));
  }
  return copy_metadata(status, source, to);
}

}  // namespace

Result<void> copy_contents(BorrowedFd from, BorrowedFd to) {
  struct stat status {};
  if (::fstat(from.get(), &status) < 0) return Error::syscall("fstat");
  return copy_directory(from, to, status.st_dev, 0);
}

}  // namespace warder::runtime
