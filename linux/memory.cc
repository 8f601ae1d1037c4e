#include "linux/memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace warder::kernel {
namespace {

constexpr std::uint64_t page_size = 4096;
constexpr std::size_t max_pieces = 18;  // 64 KiB and a page at either end

/// The remote range in pieces of one page each: the kernel stops between pieces, so everything before a bad page arrives.
std::size_t cut_at_pages(std::uint64_t address, std::size_t size, std::array<iovec, max_pieces>& pieces) {
  std::size_t count = 0;
  while (size > 0 && count < pieces.size()) {
    const std::size_t piece = std::min<std::size_t>(size, page_size - address % page_size);
    pieces[count++] = {reinterpret_cast<void*>(address), piece};  // NOLINT(performance-no-int-to-ptr): a foreign address
    address += piece;
    size -= piece;
  }
  return count;
}

}  // namespace

ssize_t read_memory(pid_t thread, std::uint64_t address, std::span<std::byte> into) {
  if (into.empty()) return 0;
  std::array<iovec, max_pieces> pieces;
  const std::size_t count = cut_at_pages(address, into.size(), pieces);
  const iovec local{into.data(), into.size()};
  const ssize_t size = ::process_vm_readv(thread, &local, 1, pieces.data(), count, 0);
  return size < 0 ? -errno : size;
}

ssize_t write_memory(pid_t thread, std::uint64_t address, std::span<const std::byte> from) {
  if (from.empty()) return 0;
  std::array<iovec, max_pieces> pieces;
  const std::size_t count = cut_at_pages(address, from.size(), pieces);
  const iovec local{const_cast<std::byte*>(from.data()), from.size()};
  const ssize_t size = ::process_vm_writev(thread, &local, 1, pieces.data(), count, 0);
  return size < 0 ? -errno : size;
}

}  // namespace warder::kernel
