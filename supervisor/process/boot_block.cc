#include "supervisor/process/boot_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace warder::supervisor {

Result<std::unique_ptr<SealedBlock>> SealedBlock::map(BorrowedFd file) {
  constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(file.get(), F_GET_SEALS);
  if (seals < 0) return Error::syscall("F_GET_SEALS");
  if ((seals & needed) != needed) return Error::bug("not sealed");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return Error::syscall("fstat");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return Error::syscall("mmap");
  return std::make_unique<SealedBlock>(std::span(static_cast<const std::byte*>(address), size));
}

SealedBlock::~SealedBlock() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

Result<Boot> load_boot() {
  const std::unique_ptr<SealedBlock> block = WARDER_TRY_WITH(SealedBlock::map(BorrowedFd(boot_fd)), "boot block");
  return Boot::parse(block->bytes());
}

}  // namespace warder::supervisor
