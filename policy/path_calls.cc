#include "policy/path_calls.h"

#include <fcntl.h>

#include <array>

namespace warder::policy {
namespace {

constexpr Rights reading = Rights(Right::read) | Right::list;
constexpr Rights writing = Rights(Right::write) | Right::create | Right::truncate;
constexpr Rights nodes = Rights(Right::create) | Right::mkfifo | Right::mksock | Right::mkdev;
constexpr Rights nothing;

constexpr auto calls = std::to_array<PathCall>({
    {"open", PathUse::rights, reading | writing, writing, 1, "opens for writing"},
    {"openat", PathUse::rights, reading | writing, writing, 2, "opens for writing"},
    {"openat2", PathUse::rights, reading | writing, nothing, -1, ""},
    {"creat", PathUse::rights, writing, nothing, -1, ""},
    {"execve", PathUse::rights, Right::exec, nothing, -1, ""},
    {"execveat", PathUse::rights, Right::exec, nothing, -1, ""},
    {"truncate", PathUse::rights, Right::truncate, nothing, -1, ""},
    {"chmod", PathUse::rights, Right::chmod, nothing, -1, ""},
    {"fchmodat", PathUse::rights, Right::chmod, nothing, -1, ""},
    {"fchmodat2", PathUse::rights, Right::chmod, nothing, -1, ""},
    {"fchmod", PathUse::object, Right::chmod, nothing, -1, ""},
    {"chown", PathUse::rights, Right::chown, nothing, -1, ""},
    {"lchown", PathUse::rights, Right::chown, nothing, -1, ""},
    {"fchownat", PathUse::rights, Right::chown, nothing, -1, ""},
    {"fchown", PathUse::object, Right::chown, nothing, -1, ""},
    {"utime", PathUse::rights, Right::utime, nothing, -1, ""},
    {"utimes", PathUse::rights, Right::utime, nothing, -1, ""},
    {"futimesat", PathUse::rights, Right::utime, nothing, -1, ""},
    {"utimensat", PathUse::rights, Right::utime, nothing, -1, ""},
    {"setxattr", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"lsetxattr", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"fsetxattr", PathUse::object, Right::xattr, nothing, -1, ""},
    {"setxattrat", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"removexattr", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"lremovexattr", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"fremovexattr", PathUse::object, Right::xattr, nothing, -1, ""},
    {"removexattrat", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"file_setattr", PathUse::rights, Right::xattr, nothing, -1, ""},
    {"unlink", PathUse::rights, Right::remove, nothing, -1, ""},
    {"unlinkat", PathUse::rights, Right::remove | Right::rmdir, nothing, -1, ""},
    {"rmdir", PathUse::rights, Right::rmdir, nothing, -1, ""},
    {"mkdir", PathUse::rights, Right::mkdir, nothing, -1, ""},
    {"mkdirat", PathUse::rights, Right::mkdir, nothing, -1, ""},
    {"mknod", PathUse::rights, nodes, nothing, -1, ""},
    {"mknodat", PathUse::rights, nodes, nothing, -1, ""},
    {"symlink", PathUse::rights, Right::symlink, nothing, -1, ""},
    {"symlinkat", PathUse::rights, Right::symlink, nothing, -1, ""},
    // A directory moves only where nothing below gains any right: these depend on all of them.
    {"link", PathUse::rights, rights_all, nothing, -1, ""},
    {"linkat", PathUse::rights, rights_all, nothing, -1, ""},
    {"rename", PathUse::rights, rights_all, nothing, -1, ""},
    {"renameat", PathUse::rights, rights_all, nothing, -1, ""},
    {"renameat2", PathUse::rights, rights_all, nothing, -1, ""},
    {"inotify_add_watch", PathUse::rights, Right::watch, nothing, -1, ""},
    {"fanotify_mark", PathUse::rights, Right::watch, nothing, -1, ""},
    {"bind", PathUse::rights, Right::mksock, nothing, -1, ""},
    // Only where something is hidden.
    {"stat", PathUse::existence, nothing, nothing, -1, ""},
    {"lstat", PathUse::existence, nothing, nothing, -1, ""},
    {"newfstatat", PathUse::existence, nothing, nothing, -1, ""},
    {"statx", PathUse::existence, nothing, nothing, -1, ""},
    {"statfs", PathUse::existence, nothing, nothing, -1, ""},
    {"access", PathUse::existence, nothing, nothing, -1, ""},
    {"faccessat", PathUse::existence, nothing, nothing, -1, ""},
    {"faccessat2", PathUse::existence, nothing, nothing, -1, ""},
    {"readlink", PathUse::existence, nothing, nothing, -1, ""},
    {"readlinkat", PathUse::existence, nothing, nothing, -1, ""},
    {"getdents", PathUse::existence, nothing, nothing, -1, ""},
    {"getdents64", PathUse::existence, nothing, nothing, -1, ""},
    {"chdir", PathUse::existence, nothing, nothing, -1, ""},
    {"fchdir", PathUse::existence, nothing, nothing, -1, ""},
    {"chroot", PathUse::existence, nothing, nothing, -1, ""},
    {"getxattr", PathUse::existence, nothing, nothing, -1, ""},
    {"lgetxattr", PathUse::existence, nothing, nothing, -1, ""},
    {"listxattr", PathUse::existence, nothing, nothing, -1, ""},
    {"llistxattr", PathUse::existence, nothing, nothing, -1, ""},
    {"getxattrat", PathUse::existence, nothing, nothing, -1, ""},
    {"listxattrat", PathUse::existence, nothing, nothing, -1, ""},
    {"file_getattr", PathUse::existence, nothing, nothing, -1, ""},
    {"name_to_handle_at", PathUse::existence, nothing, nothing, -1, ""},
    {"connect", PathUse::existence, nothing, nothing, -1, ""},
});

constexpr ArgumentTest request(ArgumentTest::Kind kind, std::uint64_t mask, std::uint64_t value) {
  return {1, kind, mask, value, false};
}
constexpr ArgumentTest request(std::uint64_t value) { return request(ArgumentTest::Kind::equal, 0xffffffff, value); }

// ioctl_tty(2); the requests of 'T' with a size are told apart from those of other devices one by one.
constexpr auto harmless = std::to_array<ArgumentTest>({
    request(ArgumentTest::Kind::equal, 0xffffff00, 0x5400),  // TCGETS … FIOQSIZE
    request(ArgumentTest::Kind::equal, 0xffffff00, 0x8900),  // sockets
    request(0x802c542a),                                     // TCGETS2
    request(0x402c542b),                                     // TCSETS2
    request(0x402c542c),                                     // TCSETSW2
    request(0x402c542d),                                     // TCSETSF2
    request(0x80045430),                                     // TIOCGPTN
    request(0x40045431),                                     // TIOCSPTLCK
    request(0x80045432),                                     // TIOCGDEV
    request(0x80045438),                                     // TIOCGPKT
    request(0x80045439),                                     // TIOCGPTLCK
    request(0x80045440),                                     // TIOCGEXCL
});

}  // namespace

std::span<const PathCall> path_calls() { return calls; }

std::vector<ArgumentTest> opens_for_writing(unsigned flags_argument) {
  return {{flags_argument, ArgumentTest::Kind::any_bit, O_ACCMODE | O_CREAT | O_TRUNC, 0, false}};
}

std::span<const ArgumentTest> harmless_ioctls() { return harmless; }

}  // namespace warder::policy
