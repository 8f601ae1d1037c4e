// A network namespace that leads nowhere: only the loopback device, and every address there is belongs to it. The calling thread
// alone, with CAP_SYS_ADMIN in its user namespace.
#pragma once

#include <cstdint>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// The thread leaves its network namespace for a new one in which every IPv4 and IPv6 destination is delivered locally (a `local`
/// route for all addresses, rtnetlink(7)). Sockets that it makes from then on stay there, whoever uses them. An IPv6 that this
/// kernel does not have is left out. Other threads are not touched.
Result<void> enter_private_network();

/// The number that the kernel gave to the namespace of a socket (SO_NETNS_COOKIE, Linux 5.14); 0 where it cannot be asked.
[[nodiscard]] std::uint64_t network_cookie(BorrowedFd socket);

}  // namespace warder::kernel
