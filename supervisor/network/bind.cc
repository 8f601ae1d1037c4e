// bind and listen, for the caller. Workers of PID 1, as the caller, real ids included.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "supervisor/files/steps.h"
#include "supervisor/names/name_service.h"
#include "supervisor/network/handlers.h"
#include "supervisor/network/netlink_port.h"
#include "supervisor/network/peer_processes.h"
#include "supervisor/network/real_identity.h"
#include "supervisor/network/socket_argument.h"
#include "supervisor/network/unix_bind.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

Outcome<void> checked(int result) {
  if (result != 0) return Errno::last();
  return {};
}

/// The kernel says EADDRINUSE for whatever stands there already, and makes the file with the right `mksock`.
Outcome<void> bind_path(Call& call, const Socket& socket, const SocketAddress& address, const Meaning& meaning) {
  WalkRequest request;
  request.path = meaning.text;
  Place place;
  WARDER_GET(find_place(call.caller, call.worker.policy, request, place));
  if (place.kind != Place::Kind::name) return Errno{EADDRINUSE};
  const Outcome<void> makable = files::ask_to_make(call, place, policy::Right::mksock);
  if (makable.code() == EEXIST) return Errno{EADDRINUSE};
  if (!makable.ok()) return Errno{makable.code()};
  policy::Endpoint endpoint = meaning.endpoint;
  endpoint.name = place.name.view();
  WARDER_GET(ask(call, policy::NetOperation::bind, endpoint));
  if (const int error = bind_to_path(call, socket, address, place); error != 0) return Errno{error};
  struct stat file {};
  if (::fstatat(place.directory.fd.get(), place.last.c_str(), &file, AT_SYMLINK_NOFOLLOW) == 0) {
    call.worker.peers.bound(socket.fd, PeerProcesses::name_of(file));
  }
  return {};
}

/// A name that the kernel picks is not known before: it is asked about as an empty abstract name.
Outcome<void> ask_to_bind(Call& call, const Meaning& meaning) {
  const names::NameService* service = call.worker.names;
  if (service != nullptr && service->known.takes_place_of_resolver(meaning.endpoint)) return Errno{EADDRINUSE};
  policy::Endpoint endpoint = meaning.endpoint;
  if (meaning.kind == Meaning::Kind::unix_autobind) endpoint.transport = policy::Transport::unix_abstract;
  return ask(call, policy::NetOperation::bind, endpoint);
}

Outcome<void> do_bind(Call& call) {
  const Notification& asked = call.notification;
  const Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
  SocketAddress address = WARDER_GET(copy_address(call, asked.argument(1), asked.int_argument(2)));
  const Meaning meaning = WARDER_GET(understand(address, socket.kind, Purpose::bind));
  if (meaning.kind == Meaning::Kind::unix_path) return bind_path(call, socket, address, meaning);
  WARDER_GET(ask_to_bind(call, meaning));
  if (socket.kind.domain == AF_NETLINK) {
    if (const int error = bind_netlink(call, socket, address); error != 0) return Errno{error};
    return {};
  }
  WARDER_GET(checked(::bind(socket.fd.get(), address.get(), address.size)));
  if (socket.kind.domain == AF_UNIX) {
    const Outcome<SocketAddress> own = own_address(socket.fd);  // which the kernel may have picked
    if (own.ok()) call.worker.peers.bound(socket.fd, PeerProcesses::name_of(own->abstract_name()));
  }
  return {};
}

/// The address that peers will find, port 0 where the kernel is still to pick one. Nothing for sockets without internet address:
/// a UNIX socket's name was judged when it was bound.
Outcome<void> ask_to_listen(Call& call, const Socket& socket) {
  if (socket.kind.domain != AF_INET && socket.kind.domain != AF_INET6) return {};
  SocketAddress address = WARDER_GET(own_address(socket.fd));
  const Meaning meaning = WARDER_GET(understand(address, socket.kind, Purpose::bind));
  return ask(call, policy::NetOperation::listen, meaning.endpoint);
}

Outcome<void> do_listen(Call& call) {
  const Notification& asked = call.notification;
  const Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
  WARDER_GET(ask_to_listen(call, socket));
  const RealIdentity identity(call.caller);
  if (!identity.ok()) return Errno{EPERM};
  WARDER_GET(checked(::listen(socket.fd.get(), asked.int_argument(1))));
  if (socket.kind.domain == AF_UNIX) call.worker.peers.listens(socket.fd, ProcessName(call.caller.status().process));
  return {};
}

}  // namespace

void bind(Call& call) { files::answer(call, do_bind(call)); }

void listen(Call& call) { files::answer(call, do_listen(call)); }

}  // namespace warder::supervisor::network
