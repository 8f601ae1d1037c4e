// UNIX sockets of warder itself: datagrams that carry descriptors, made and found below a directory fd. Any process.
//
// Sockets of the workload are not touched here (supervisor/network). Every socket is SOCK_SEQPACKET and close-on-exec; nothing
// here uses abstract names, because those are reachable from every network namespace sibling.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// Two connected SOCK_SEQPACKET ends.
Result<std::pair<Fd, Fd>> make_seqpacket_pair();

/// Creates, binds (through /proc/self/fd, so that a long directory name fits the 108 bytes) and listens. Needs /proc.
Result<Fd> listen_seqpacket(BorrowedFd directory, std::string_view name);
/// Connects to a socket below a directory. ECONNREFUSED where nobody listens any more. Needs /proc.
Result<Fd> connect_seqpacket(BorrowedFd directory, std::string_view name);
/// The next waiting connection; EAGAIN on a non-blocking listener with none.
Result<Fd> accept_connection(BorrowedFd listener);

/// Who called connect or socketpair, in the namespaces of the asking process; pid 0 or the overflow uid where it has no name
/// here.
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
Result<PeerCredentials> peer_credentials(BorrowedFd socket);

inline constexpr std::size_t max_passed_fds = 16;

/// One datagram with at most max_passed_fds descriptors. EPIPE, never SIGPIPE, where the other side is gone.
Result<void> send_with_fds(BorrowedFd socket, std::span<const std::byte> datagram, std::span<const int> fds);

/// Datagrams that arrive at this socket from now on say who sent them: SO_PASSCRED.
Result<void> name_senders(BorrowedFd socket);

struct ReceivedDatagram {
  std::size_t size = 0;  ///< 0: the other side has closed
  std::vector<Fd> fds;   ///< close-on-exec
  pid_t sender = 0;      ///< the kernel's word, where name_senders() asked for it; a process without a name here is 0
};
/// Waits for one datagram. EMSGSIZE where the datagram or its descriptors did not fit; nothing is kept of it then.
Result<ReceivedDatagram> receive_with_fds(BorrowedFd socket, std::span<std::byte> buffer);

}  // namespace warder::kernel
