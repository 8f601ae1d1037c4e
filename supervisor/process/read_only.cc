#include "supervisor/process/read_only.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "linux/newer.h"

namespace warder::supervisor {

Result<std::span<const std::byte>> keep_read_only(std::span<const std::byte> bytes) {
  const std::size_t size = std::max<std::size_t>(bytes.size(), 1);
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return Error::syscall("mmap");
  if (!bytes.empty()) std::memcpy(address, bytes.data(), bytes.size());
  if (::mprotect(address, size, PROT_READ) != 0) return Error::syscall("mprotect");
  (void)::syscall(kernel::sys_mseal, address, size, 0UL);  // ENOSYS before 6.10: read-only all the same
  return std::span(static_cast<const std::byte*>(address), bytes.size());
}

}  // namespace warder::supervisor
