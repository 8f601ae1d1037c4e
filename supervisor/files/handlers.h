// The system calls about files, and who answers them. Workers of PID 1.
#pragma once

#include <span>

#include "supervisor/dispatch.h"

namespace warder::supervisor::files {

[[nodiscard]] std::span<const HandlerEntry> handlers();

// open.cc
void open(Call& call);
void creat(Call& call);
void openat(Call& call);
void openat2(Call& call);

// stat.cc: trapped only where a profile hides
void stat(Call& call);
void lstat(Call& call);
void newfstatat(Call& call);
void statx(Call& call);
void statfs(Call& call);
void readlink(Call& call);
void readlinkat(Call& call);
void access(Call& call);
void faccessat(Call& call);
void faccessat2(Call& call);

// attributes.cc
void chmod(Call& call);
void fchmod(Call& call);
void fchmodat(Call& call);
void fchmodat2(Call& call);
void chown(Call& call);
void fchown(Call& call);
void lchown(Call& call);
void fchownat(Call& call);
void truncate(Call& call);

// times.cc
void utime(Call& call);
void utimes(Call& call);
void futimesat(Call& call);
void utimensat(Call& call);

// xattr.cc; reading is trapped only where a profile hides
void getxattr(Call& call);
void lgetxattr(Call& call);
void getxattrat(Call& call);
void listxattr(Call& call);
void llistxattr(Call& call);
void listxattrat(Call& call);
void setxattr(Call& call);
void lsetxattr(Call& call);
void fsetxattr(Call& call);
void setxattrat(Call& call);
void removexattr(Call& call);
void lremovexattr(Call& call);
void fremovexattr(Call& call);
void removexattrat(Call& call);

// inode_flags.cc
void file_getattr(Call& call);
void file_setattr(Call& call);

// make.cc
void mkdir(Call& call);
void mkdirat(Call& call);
void mknod(Call& call);
void mknodat(Call& call);
void symlink(Call& call);
void symlinkat(Call& call);
void link(Call& call);
void linkat(Call& call);

// remove.cc
void unlink(Call& call);
void unlinkat(Call& call);
void rmdir(Call& call);

// rename.cc
void rename(Call& call);
void renameat(Call& call);
void renameat2(Call& call);

// directory.cc: trapped only where a profile hides
void getdents(Call& call);
void getdents64(Call& call);
void chdir(Call& call);
void fchdir(Call& call);
void chroot(Call& call);

// watch.cc
/// Whether the workload ever asked to be told about changes. From then on PID 1 must not be the one who closes a file last, and
/// late: the watcher would hear of it after the caller went on.
[[nodiscard]] bool anything_is_watched();
void inotify_add_watch(Call& call);
void fanotify_mark(Call& call);
void name_to_handle_at(Call& call);

// memory_file.cc
void memfd_create(Call& call);

// device.cc
void ioctl(Call& call);

// exec.cc
void execve(Call& call);
void execveat(Call& call);

}  // namespace warder::supervisor::files
