#include "supervisor/files/handlers.h"

#include <sys/syscall.h>

#include <array>

#include "linux/newer.h"

namespace warder::supervisor::files {
namespace {

constexpr auto entries = std::to_array<HandlerEntry>({
    {SYS_open, open},
    {SYS_creat, creat},
    {SYS_openat, openat},
    {SYS_openat2, openat2},

    {SYS_stat, stat},
    {SYS_lstat, lstat},
    {SYS_newfstatat, newfstatat},
    {SYS_statx, statx},
    {SYS_statfs, statfs},
    {SYS_readlink, readlink},
    {SYS_readlinkat, readlinkat},
    {SYS_access, access},
    {SYS_faccessat, faccessat},
    {SYS_faccessat2, faccessat2},

    {SYS_chmod, chmod},
    {SYS_fchmod, fchmod},
    {SYS_fchmodat, fchmodat},
    {kernel::sys_fchmodat2, fchmodat2},
    {SYS_chown, chown},
    {SYS_fchown, fchown},
    {SYS_lchown, lchown},
    {SYS_fchownat, fchownat},
    {SYS_truncate, truncate},

    {SYS_utime, utime},
    {SYS_utimes, utimes},
    {SYS_futimesat, futimesat},
    {SYS_utimensat, utimensat},

    {SYS_getxattr, getxattr},
    {SYS_lgetxattr, lgetxattr},
    {kernel::sys_getxattrat, getxattrat},
    {SYS_listxattr, listxattr},
    {SYS_llistxattr, llistxattr},
    {kernel::sys_listxattrat, listxattrat},
    {SYS_setxattr, setxattr},
    {SYS_lsetxattr, lsetxattr},
    {SYS_fsetxattr, fsetxattr},
    {kernel::sys_setxattrat, setxattrat},
    {SYS_removexattr, removexattr},
    {SYS_lremovexattr, lremovexattr},
    {SYS_fremovexattr, fremovexattr},
    {kernel::sys_removexattrat, removexattrat},

    {kernel::sys_file_getattr, file_getattr},
    {kernel::sys_file_setattr, file_setattr},

    {SYS_mkdir, mkdir},
    {SYS_mkdirat, mkdirat},
    {SYS_mknod, mknod},
    {SYS_mknodat, mknodat},
    {SYS_symlink, symlink},
    {SYS_symlinkat, symlinkat},
    {SYS_link, link},
    {SYS_linkat, linkat},

    {SYS_unlink, unlink},
    {SYS_unlinkat, unlinkat},
    {SYS_rmdir, rmdir},

    {SYS_rename, rename},
    {SYS_renameat, renameat},
    {SYS_renameat2, renameat2},

    {SYS_getdents, getdents},
    {SYS_getdents64, getdents64},
    {SYS_chdir, chdir},
    {SYS_fchdir, fchdir},
    {SYS_chroot, chroot},

    {SYS_inotify_add_watch, inotify_add_watch},
    {SYS_fanotify_mark, fanotify_mark},
    {SYS_name_to_handle_at, name_to_handle_at},

    {SYS_memfd_create, memfd_create},

    {SYS_ioctl, ioctl},

    {SYS_execve, execve},
    {SYS_execveat, execveat},
});

}  // namespace

std::span<const HandlerEntry> handlers() { return entries; }

}  // namespace warder::supervisor::files
