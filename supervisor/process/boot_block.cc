#include "supervisor/process/boot_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace warder::supervisor {

Result<Boot> load_boot() {
  constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(boot_fd, F_GET_SEALS);
  if (seals < 0) return Error::syscall("boot block: F_GET_SEALS");
  if ((seals & needed) != needed) return Error::bug("boot block: not sealed");
  struct stat status {};
  if (::fstat(boot_fd, &status) != 0) return Error::syscall("boot block: fstat");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, boot_fd, 0);
  if (address == MAP_FAILED) return Error::syscall("boot block: mmap");
  Result<Boot> boot = Boot::parse({static_cast<const std::byte*>(address), size});
  ::munmap(address, size);
  return boot;
}

}  // namespace warder::supervisor
