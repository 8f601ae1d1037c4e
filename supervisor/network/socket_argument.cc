#include "supervisor/network/socket_argument.h"

#include <fcntl.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "supervisor/files/steps.h"
#include "supervisor/names/name_service.h"
#include "supervisor/network/dns_path.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

bool socket_option(int fd, int option, int& value) {
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0;
}

/// The file is found once, with the caller's rights; the kernel then follows the number of its descriptor to that very file.
Outcome<void> find_socket_file(Call& call, std::string_view path, FarEnd& far_end) {
  WalkRequest request;
  request.path = path;
  WARDER_GET(find_object(call.caller, call.worker.policy, request, far_end.socket_file));
  const files::ByNumber number = WARDER_GET(files::ByNumber::of(call, far_end.socket_file.fd));
  auto& address = reinterpret_cast<sockaddr_un&>(far_end.address.storage);
  address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, number.c_str(), sizeof address.sun_path - 1);
  far_end.address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(address.sun_path) + 1);
  return {};
}

}  // namespace

Outcome<SocketAddress> own_address(BorrowedFd socket) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return Errno::last();
  return address;
}

Outcome<SocketAddress> peer_address(BorrowedFd socket) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) return Errno::last();
  return address;
}

Outcome<Socket> take_socket(Call& call, int number) {
  Socket socket;
  socket.number = number;
  socket.fd = WARDER_GET(call.caller.take_fd(number));
  // EBADF for an O_PATH descriptor, ENOTSOCK for any other file, as for the caller.
  if (!socket_option(socket.fd.get(), SO_DOMAIN, socket.kind.domain)) return Errno::last();
  if (!socket_option(socket.fd.get(), SO_TYPE, socket.kind.type)) return Errno::last();
  WARDER_GET(call.caller.act_on_files());
  return socket;
}

bool Socket::blocking() const {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

int Socket::protocol() const {
  int protocol = 0;
  return socket_option(fd.get(), SO_PROTOCOL, protocol) ? protocol : 0;
}

Outcome<SocketAddress> copy_address(Call& call, std::uint64_t address, std::int64_t size) {
  SocketAddress copy;
  if (size < 0 || size > static_cast<std::int64_t>(sizeof copy.storage)) return Errno{EINVAL};
  copy.size = static_cast<socklen_t>(size);
  if (size > 0) {
    WARDER_GET(call.caller.copy_in(address, {reinterpret_cast<std::byte*>(&copy.storage), static_cast<std::size_t>(size)}));
    WARDER_GET(call.caller.act_on_files());
  }
  return copy;
}

Outcome<void> ask(Call& call, policy::NetOperation operation, const policy::Endpoint& asked, Refusal refusal) {
  const bool outgoing = operation == policy::NetOperation::connect || operation == policy::NetOperation::send;
  const bool internet = asked.transport == policy::Transport::tcp || asked.transport == policy::Transport::udp;
  policy::Endpoint endpoint = asked;
  const bool has_names = outgoing && internet && call.worker.names != nullptr;
  const names::Hosts hosts = has_names ? call.worker.names->known.hosts_of(names::host_address(endpoint)) : names::Hosts({}, {});
  endpoint.hosts = hosts.views();
  const policy::Verdict verdict = call.worker.policy.address(operation, endpoint);
  if (!verdict.allowed && refusal == Refusal::keep) return Errno{verdict.error};
  const std::string text = address_text(endpoint);
  AuditEvent event;
  event.address = text;
  event.host = hosts.last();
  event.section = outgoing ? "connect" : "bind";
  if (!permit(call, verdict, event)) return Errno{verdict.error};
  return {};
}

Outcome<void> judge_far_end(Call& call, Socket& socket, const SocketAddress& address, Purpose purpose, FarEnd& far_end,
                            Refusal refusal) {
  far_end.address = address;
  Meaning meaning = WARDER_GET(understand(far_end.address, socket.kind, purpose));
  far_end.kind = meaning.kind;
  if (meaning.kind == Meaning::Kind::none) return {};
  if (meaning.kind == Meaning::Kind::unix_path) {
    char path[sizeof(sockaddr_un)];
    std::memcpy(path, meaning.text.data(), meaning.text.size());
    WARDER_GET(find_socket_file(call, {path, meaning.text.size()}, far_end));
    meaning.endpoint.name = far_end.socket_file.name.view();
  }
  if (meaning.kind == Meaning::Kind::internet) {
    far_end.private_network = goes_to_resolver(call, socket, meaning.endpoint);
    if (far_end.private_network) return move_to_private_network(call, socket);
    WARDER_GET(move_to_container_network(call, socket));
  }
  const auto operation = purpose == Purpose::send ? policy::NetOperation::send : policy::NetOperation::connect;
  return ask(call, operation, meaning.endpoint, refusal);
}

}  // namespace warder::supervisor::network
