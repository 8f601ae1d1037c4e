#include "linux/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdio>
#include <cstring>

namespace warder::kernel {
namespace {

Result<sockaddr_un> address_below(BorrowedFd directory, std::string_view name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.*s", directory.get(),
                                   static_cast<int>(name.size()), name.data());
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof address.sun_path) return Error::syscall("bind", ENAMETOOLONG);
  return address;
}

Result<Fd> make_seqpacket() {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return Error::syscall("socket");
  return socket;
}

}  // namespace

Result<std::pair<Fd, Fd>> make_seqpacket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return Error::syscall("socketpair");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<Fd> listen_seqpacket(BorrowedFd directory, std::string_view name) {
  const sockaddr_un address = WARDER_TRY(address_below(directory, name));
  Fd socket = WARDER_TRY(make_seqpacket());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return Error::syscall("bind");
  if (::listen(socket.get(), SOMAXCONN) != 0) return Error::syscall("listen");
  return socket;
}

Result<Fd> connect_seqpacket(BorrowedFd directory, std::string_view name) {
  const sockaddr_un address = WARDER_TRY(address_below(directory, name));
  Fd socket = WARDER_TRY(make_seqpacket());
  int status = 0;
  do {
    status = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (status != 0 && errno == EINTR);
  if (status != 0) return Error::syscall("connect");
  return socket;
}

Result<Fd> accept_connection(BorrowedFd listener) {
  Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection) return Error::syscall("accept4");
  return connection;
}

Result<PeerCredentials> peer_credentials(BorrowedFd socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return Error::syscall("SO_PEERCRED");
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

Result<void> send_with_fds(BorrowedFd socket, std::span<const std::byte> datagram, std::span<const int> fds) {
  if (fds.size() > max_passed_fds) return Error::bug("sendmsg: too many descriptors in one message");
  iovec content{const_cast<std::byte*>(datagram.data()), datagram.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(max_passed_fds * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return Error::syscall("sendmsg");
  return {};
}

Result<void> name_senders(BorrowedFd socket) {
  const int yes = 1;
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0) return Error::syscall("setsockopt SO_PASSCRED");
  return {};
}

Result<ReceivedDatagram> receive_with_fds(BorrowedFd socket, std::span<std::byte> buffer) {
  iovec content{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(max_passed_fds * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Error::syscall("recvmsg");
  ReceivedDatagram received;
  received.size = static_cast<std::size_t>(size);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
      received.sender = credentials.pid;
    }
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(header) + index * sizeof(int), sizeof number);
      received.fds.emplace_back(number);
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Error::syscall("recvmsg", EMSGSIZE);
  return received;
}

}  // namespace warder::kernel
