// A message that a caller sends: PID 1's own copy of header, address, data and control messages. Workers of PID 1.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "linux/fd.h"
#include "supervisor/network/socket_argument.h"

namespace warder::supervisor::network {

/// Where the data lie in the caller's memory. Copied once, when they are sent.
struct Pieces {
  std::vector<iovec> list;
  std::size_t total = 0;
};

struct Outgoing {
  bool has_address = false;
  SocketAddress address;
  Pieces pieces;
  std::vector<std::byte> control;  ///< with PID 1's numbers in SCM_RIGHTS
  std::vector<Fd> passed;          ///< the caller's files behind them
};

/// struct msghdr in the caller's memory: one copy of everything but the data. EFAULT, EMSGSIZE, EINVAL, ENOBUFS, EBADF.
/// Afterwards the worker is the caller.
Outcome<Outgoing> copy_message(Call& call, std::uint64_t header);

/// One buffer of a sendto. Afterwards the worker is the caller.
Outcome<Outgoing> copy_datagram(Call& call, std::uint64_t data, std::uint64_t size, std::uint64_t address,
                                std::int64_t address_size);

/// Copies `size` bytes of the data from `offset` on.
Outcome<void> copy_data(Call& call, const Pieces& pieces, std::size_t offset, std::span<std::byte> into);

}  // namespace warder::supervisor::network
