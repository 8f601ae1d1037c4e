#include "supervisor/network/dns_path.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "linux/procfs.h"
#include "supervisor/names/name_service.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

struct Option {
  int level;
  int name;
};
/// What programs set on a socket before they connect it. Sizes of buffers come back doubled and are halved.
constexpr auto options = std::to_array<Option>({
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_RCVBUF},
    {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_OOBINLINE},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
});

void copy_options(BorrowedFd from, BorrowedFd to) {
  for (const Option& option : options) {
    std::array<std::byte, 32> value{};
    std::array<std::byte, 32> fresh{};
    socklen_t size = value.size();
    socklen_t fresh_size = fresh.size();
    if (::getsockopt(from.get(), option.level, option.name, value.data(), &size) != 0) continue;
    if (::getsockopt(to.get(), option.level, option.name, fresh.data(), &fresh_size) != 0) continue;
    if (value == fresh) continue;
    const bool buffer = option.level == SOL_SOCKET && (option.name == SO_RCVBUF || option.name == SO_SNDBUF);
    if (buffer) {
      int bytes = 0;
      std::memcpy(&bytes, value.data(), sizeof bytes);
      bytes /= 2;
      std::memcpy(value.data(), &bytes, sizeof bytes);
    }
    (void)::setsockopt(to.get(), option.level, option.name, value.data(), size);
  }
}

/// Of an internet address.
std::uint16_t port_of(const SocketAddress& address) {
  return ntohs(address.family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
                                            : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

/// The same port, where it has one: programs bind first and tell others by the port.
void copy_address(BorrowedFd from, BorrowedFd to) {
  Outcome<SocketAddress> address = own_address(from);
  if (!address.ok() || port_of(*address) == 0 || ::bind(to.get(), address->get(), address->size) == 0) return;
  // Taken there, or an address of no device: any port of any address.
  if (address->family() == AF_INET6) {
    auto& inet6 = reinterpret_cast<sockaddr_in6&>(address->storage);
    inet6.sin6_addr = in6addr_any;
    inet6.sin6_port = 0;
  } else {
    auto& inet = reinterpret_cast<sockaddr_in&>(address->storage);
    inet.sin_addr.s_addr = INADDR_ANY;
    inet.sin_port = 0;
  }
  (void)::bind(to.get(), address->get(), address->size);
}

/// 0 where it is not bound.
std::uint16_t local_port(BorrowedFd socket) {
  const Outcome<SocketAddress> address = own_address(socket);
  return address.ok() ? port_of(*address) : std::uint16_t{0};
}

/// Whether the caller's descriptor is close-on-exec: of its table, not of the file.
Outcome<CloseOnExec> flag_of(Call& call, int number) {
  call.caller.identity().own();
  const std::string name = "fdinfo/" + std::to_string(number);
  const Fd file = kernel::open_process_file(call.caller.cache().procfs(), call.caller.tid(), name, O_RDONLY);
  std::array<char, 512> buffer;
  const ssize_t size = file ? kernel::read_afresh(file, buffer.data(), buffer.size()) : -1;
  if (size <= 0) return Errno{EBADF};
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  for (std::string_view line; kernel::next_line(text, line);) {
    if (kernel::next_word(line) != "flags:") continue;
    const bool cloexec = (kernel::number(kernel::next_word(line), 8) & O_CLOEXEC) != 0;
    return cloexec ? CloseOnExec::yes : CloseOnExec::no;
  }
  return Errno{EBADF};
}

bool is_connected_stream(const Socket& socket) { return socket.kind.stream() && peer_address(socket.fd).ok(); }

/// `fresh` takes the place of the socket, for the caller and for this call.
Outcome<void> exchange(Call& call, Socket& socket, Fd fresh) {
  copy_options(socket.fd, fresh);
  copy_address(socket.fd, fresh);
  const int status = ::fcntl(socket.fd.get(), F_GETFL);
  if (status < 0 || ::fcntl(fresh.get(), F_SETFL, status) != 0) return Errno::last();
  const CloseOnExec flag = WARDER_GET(flag_of(call, socket.number));
  WARDER_GET(call.notification.replace_fd(fresh, socket.number, flag));
  socket.fd = std::move(fresh);
  return call.caller.act_on_files();
}

}  // namespace

bool goes_to_resolver(const Call& call, const Socket& socket, const policy::Endpoint& endpoint) {
  const names::NameService* service = call.worker.names;
  return service != nullptr && service->known.is_resolver(endpoint) && !is_connected_stream(socket);
}

Outcome<void> move_to_private_network(Call& call, Socket& socket) {
  names::PrivateSockets& sockets = call.worker.names->sockets;
  if (sockets.owns(socket.fd)) return {};
  Fd fresh = WARDER_GET(sockets.make(socket.kind.domain, socket.kind.type, socket.protocol()));
  return exchange(call, socket, std::move(fresh));
}

Outcome<void> move_to_container_network(Call& call, Socket& socket) {
  if (call.worker.names == nullptr || !call.worker.names->sockets.owns(socket.fd)) return {};
  WARDER_GET(call.caller.act_on_files());
  Fd fresh(::socket(socket.kind.domain, socket.kind.type | SOCK_CLOEXEC, socket.protocol()));
  if (!fresh) return Errno::last();
  return exchange(call, socket, std::move(fresh));
}

void bind_to_any_port(const Socket& socket) {
  if (local_port(socket.fd) != 0) return;
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(socket.kind.domain);
  const socklen_t size = socket.kind.domain == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  (void)::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&address), size);
}

void note_asker(Call& call, const Socket& socket) {
  if (call.worker.names == nullptr || !call.worker.names->sockets.owns(socket.fd)) return;
  const CallerStatus& status = call.caller.status();
  names::Asker asker;
  asker.port = local_port(socket.fd);
  asker.stream = socket.kind.stream();
  asker.process = status.tgid;
  asker.guest_pid = status.process.in_container();
  asker.uid = status.credentials.fs_uid;
  call.caller.identity().own();
  asker.command = command_of(call.worker.procfs, call.notification.tid());
  asker.program = executable_of(call.worker.procfs, status.tgid);
  (void)call.caller.act_on_files();
  if (call.notification.still_waiting()) call.worker.names->exchange.note_asker(std::move(asker));
}

}  // namespace warder::supervisor::network
