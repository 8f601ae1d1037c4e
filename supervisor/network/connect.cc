// connect: the caller's socket is connected for it. Workers of PID 1, as the caller, real ids included.
#include <sys/socket.h>

#include <optional>

#include "supervisor/files/steps.h"
#include "supervisor/network/dns_path.h"
#include "supervisor/network/handlers.h"
#include "supervisor/network/netlink_port.h"
#include "supervisor/network/peer_processes.h"
#include "supervisor/network/real_identity.h"
#include "supervisor/network/socket_argument.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

/// Whether connect(2) may wait: for a handshake, or for room in the backlog of a UNIX listener.
bool may_wait(const Socket& socket, const FarEnd& far_end) {
  return socket.kind.connects() && far_end.kind != Meaning::Kind::none && socket.blocking();
}

/// For whoever asks the socket or its peer who is at the other end.
void remember_caller(Call& call, const Socket& socket, const FarEnd& far_end) {
  if (socket.kind.domain != AF_UNIX || !socket.kind.connects() || peer_address(socket.fd).ok()) return;
  std::uint64_t name = 0;
  if (far_end.kind == Meaning::Kind::unix_abstract) name = PeerProcesses::name_of(far_end.address.abstract_name());
  if (far_end.kind == Meaning::Kind::unix_path) {
    const Outcome<struct stat> file = facts_of(far_end.socket_file);
    if (file.ok()) name = PeerProcesses::name_of(*file);
  }
  call.worker.peers.connects(socket.fd, name, ProcessName(call.caller.status().process));
}

/// 0 or an errno; EINTR only where the caller is to be interrupted.
int do_connect(Call& call, const Socket& socket, const FarEnd& far_end) {
  std::optional<RealIdentity> identity;
  if (socket.kind.domain == AF_UNIX) {  // no other one tells its peer who connects
    identity.emplace(call.caller);
    if (!identity->ok()) return EPERM;
  } else if (!call.caller.act_on_files().ok()) {
    return EPERM;
  }
  if (far_end.kind != Meaning::Kind::none) give_netlink_port(call, socket);
  remember_caller(call, socket, far_end);
  std::optional<Waiting> waiting;
  if (may_wait(socket, far_end)) {
    waiting.emplace(call.worker, call.notification.call().id, call.notification.tid());
    if (!waiting->granted()) return EAGAIN;
  }
  for (;;) {
    if (::connect(socket.fd.get(), far_end.address.get(), far_end.address.size) == 0) return 0;
    if (errno != EINTR || (waiting && waiting->interrupted())) return errno;
  }
}

}  // namespace

void connect(Call& call) {
  const Notification& asked = call.notification;
  FarEnd far_end;
  const auto prepare = [&]() -> Outcome<Socket> {
    call.caller.look_only();
    const Outcome<SocketAddress> copied = copy_address(call, asked.argument(1), asked.int_argument(2));
    // The kernel looks for the descriptor, then at the address, and only then whether the one is a socket.
    if (!copied.ok()) {
      WARDER_GET(call.caller.take_fd(asked.int_argument(0)));
      return Errno{copied.code()};
    }
    const SocketAddress& address = *copied;
    Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
    WARDER_GET(call.caller.prove());
    WARDER_GET(judge_far_end(call, socket, address, Purpose::connect, far_end));
    return socket;
  };
  Outcome<Socket> socket = prepare();
  if (!socket.ok()) return files::answer(call, files::Answer(Errno{socket.code()}));
  const int error = do_connect(call, *socket, far_end);
  if (error == 0 || error == EINPROGRESS) note_asker(call, *socket);
  if (error == EINTR) return (void)std::move(call.notification).restart_after_signal();
  files::answer(call, error == 0 ? files::Answer(std::int64_t{0}) : files::Answer(Errno{error}));
}

}  // namespace warder::supervisor::network
