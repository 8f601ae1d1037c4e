// The socket of a call: PID 1's own copy of it, and what is known about it. Workers of PID 1.
#pragma once

#include <cstdint>
#include <string>

#include "linux/fd.h"
#include "supervisor/dispatch.h"
#include "supervisor/network/address.h"
#include "supervisor/walk.h"

namespace warder::supervisor::network {

struct Socket {
  Fd fd;
  SocketKind kind;
  int number = -1;  ///< in the caller's table
  /// O_NONBLOCK is not set.
  [[nodiscard]] bool blocking() const;
  /// 0 where the kernel does not say.
  [[nodiscard]] int protocol() const;
};

/// getsockname(2) and getpeername(2), with their errno.
Outcome<SocketAddress> own_address(BorrowedFd socket);
Outcome<SocketAddress> peer_address(BorrowedFd socket);

/// Takes the socket. EBADF, ENOTSOCK. Afterwards the worker is the caller.
Outcome<Socket> take_socket(Call& call, int number);

/// Copies an address as move_addr_to_kernel() does: EINVAL for a size that none has, EFAULT.
Outcome<SocketAddress> copy_address(Call& call, std::uint64_t address, std::int64_t size);

/// A far end that may be connected or sent to: `address` is what the kernel is to be given.
struct FarEnd {
  SocketAddress address;
  Meaning::Kind kind = Meaning::Kind::none;
  bool private_network = false;  ///< the socket was or is moved to where PID 1 answers DNS questions
  Object socket_file;            ///< of a UNIX path: held open so that the address goes on meaning it
};

/// Whether a refusal is answered and logged, or only told to the handler: what it has sent already has to be reported first.
enum class Refusal : std::uint8_t { answer, keep };

/// Understands the address, finds a UNIX socket's file, asks the profile. A socket that is to reach a resolver of the container
/// is exchanged for one that reaches PID 1, which asks the profile about each question (network/dns_path.h). An error where the
/// call was refused (and answered) or fails anyway. For a UNIX path the worker's current directory is PID 1's own /proc/self/fd
/// afterwards, and `address` is a number in it.
Outcome<void> judge_far_end(Call& call, Socket& socket, const SocketAddress& address, Purpose purpose, FarEnd& far_end,
                            Refusal refusal = Refusal::answer);

/// Asks the profile about an endpoint, logs, refuses (the call is answered then).
Outcome<void> ask(Call& call, policy::NetOperation operation, const policy::Endpoint& endpoint,
                  Refusal refusal = Refusal::answer);

}  // namespace warder::supervisor::network
