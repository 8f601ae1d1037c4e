// Ptys. P2 or an exec session, before it drops anything; no terminal of the caller is ever touched.
#include "runtime/container/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <span>
#include <string_view>

#include "linux/mount.h"
#include "linux/open.h"
#include "linux/socket.h"
#include "runtime/container/devices.h"
#include "runtime/container/rootfs_path.h"

namespace warder::runtime {

namespace {

constexpr unsigned first_slave_major = 136;  // Unix98 slaves: 136 to 143, Documentation/admin-guide/devices.txt
constexpr unsigned last_slave_major = 143;

enum class PtyEnd : std::uint8_t { master, slave };

Result<void> check_pty_end(BorrowedFd fd, PtyEnd end) {
  struct statfs filesystem {};
  if (::fstatfs(fd.get(), &filesystem) < 0) return Error::syscall("fstatfs");
  struct stat status = WARDER_TRY(status_of(fd));
  bool device = S_ISCHR(status.st_mode);
  bool number = end == PtyEnd::slave ? major(status.st_rdev) >= first_slave_major && major(status.st_rdev) <= last_slave_major
                                     : status.st_rdev == makedev(5, 2);
  if (filesystem.f_type == DEVPTS_SUPER_MAGIC && device && number) return {};
  return Error::user("/dev/pts of the container is no devpts");
}

}  // namespace

Result<Console> open_console(BorrowedFd root, ConsoleSize size) {
  Console console;
  console.master =
      WARDER_TRY_WITH(kernel::open_in_root(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS), "console");
  WARDER_TRY_WITH(check_pty_end(console.master, PtyEnd::master), "console");
  int unlocked = 0;
  if (::ioctl(console.master.get(), TIOCSPTLCK, &unlocked) < 0) return Error::syscall("console: TIOCSPTLCK");
  console.slave = Fd(::ioctl(console.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!console.slave) return Error::syscall("console: TIOCGPTPEER");
  WARDER_TRY_WITH(check_pty_end(console.slave, PtyEnd::slave), "console");
  if (size.height != 0 || size.width != 0) {
    winsize window{};
    window.ws_row = size.height;
    window.ws_col = size.width;
    if (::ioctl(console.master.get(), TIOCSWINSZ, &window) < 0) return Error::syscall("console: TIOCSWINSZ");
  }
  return console;
}

Result<void> send_console(BorrowedFd console_socket, const Console& console) {
  constexpr std::string_view name = "/dev/pts/ptmx";
  std::array<int, 1> fds = {console.master.get()};
  WARDER_TRY_WITH(kernel::send_with_fds(console_socket, std::as_bytes(std::span(name)), fds), "console socket");
  return {};
}

namespace {

/// The mount point in /dev itself: a link that an image has there is replaced and never followed.
Result<Fd> console_place(BorrowedFd root) {
  Fd dev = WARDER_TRY(kernel::open_in_root(root, "/dev", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
  Result<Fd> there = kernel::open_beneath(dev, "console", O_PATH | O_NOFOLLOW);
  if (there) {
    struct stat status = WARDER_TRY(status_of(*there));
    if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode)) return there;
    if (::unlinkat(dev.get(), "console", 0) < 0) return Error::syscall("unlinkat");
  }
  Fd made(::openat(dev.get(), "console", O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made) return Error::syscall("openat");
  return made;
}

}  // namespace

Result<void> mount_console(BorrowedFd root, const Console& console) {
  Fd target = WARDER_TRY_WITH(console_place(root), "/dev/console");
  Fd mount = WARDER_TRY_WITH(kernel::clone_mount(console.slave, "", kernel::Recursion::this_mount), "/dev/console");
  WARDER_TRY_WITH(kernel::attach_mount(mount, target), "/dev/console");
  return {};
}

Result<void> take_stdio(const Console* console, uid_t uid) {
  if (console != nullptr) {
    for (int number = 0; number < 3; ++number) {
      if (::dup2(console->slave.get(), number) < 0) return Error::syscall("dup2");
    }
  }
  struct stat before {};
  for (int number = 0; number < 3; ++number) {
    struct stat status {};
    if (::fstat(number, &status) < 0) continue;  // a closed stream stays closed
    bool same = number > 0 && status.st_dev == before.st_dev && status.st_ino == before.st_ino;
    before = status;
    if (same || status.st_uid == uid || is_null_device(BorrowedFd(number))) continue;
    // Others' pipes and sockets, read-only filesystems and ids that the user namespace does not know keep their owner.
    if (::fchown(number, uid, static_cast<gid_t>(-1)) < 0 && errno != EPERM && errno != EROFS && errno != EINVAL) {
      return Error::syscall("fchown of a standard stream");
    }
  }
  return {};
}

}  // namespace warder::runtime
