// warder-init as an unwritable executable (CVE-2019-5736). P0.
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "linux/mount.h"
#include "linux/open.h"
#include "runtime/container/launch.h"

namespace warder::runtime {

namespace {

constexpr unsigned memfd_executable = 0x10;  ///< MFD_EXEC, Linux 6.3; needed where vm.memfd_noexec forbids it by default

Result<Fd> find_binary() {
  char self[PATH_MAX];
  ssize_t size = ::readlink("/proc/self/exe", self, sizeof(self));
  if (size < 0) return Error::syscall("readlink '/proc/self/exe'");
  std::string beside(self, static_cast<std::size_t>(size));
  beside = beside.substr(0, beside.rfind('/') + 1) + "warder-init";
  Result<Fd> found = kernel::open_path(beside, O_RDONLY);
  if (found || found.error().code() != ENOENT) return found;
  return kernel::open_path("/usr/libexec/warder/warder-init", O_RDONLY);
}

Result<Fd> sealed_copy(BorrowedFd file) {
  Fd copy(::memfd_create("warder-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | memfd_executable));
  if (!copy) copy = Fd(::memfd_create("warder-init", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy) return Error::syscall("memfd_create");
  while (true) {
    ssize_t count = ::sendfile(copy.get(), file.get(), nullptr, 1U << 30U);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::syscall("sendfile");
    if (count == 0) break;
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
    return Error::syscall("fcntl F_ADD_SEALS");
  }
  return copy;
}

}  // namespace

Result<Fd> open_init_binary() {
  Fd file = WARDER_TRY_WITH(find_binary(), "warder-init");
  Result<Fd> mount = kernel::clone_mount(file, "", kernel::Recursion::this_mount);
  if (mount) {
    kernel::MountAttributes unwritable{.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (kernel::set_mount_attributes(*mount, unwritable, kernel::Recursion::this_mount)) return mount;
  }
  Result<Fd> copy = sealed_copy(file);
  if (!copy) return std::move(copy).error().with("warder-init");
  return copy;
}

}  // namespace warder::runtime
