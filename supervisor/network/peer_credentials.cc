// getsockopt of SO_PEERCRED: the pid of whoever connected or listened, where PID 1 did it. Workers of PID 1.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "supervisor/files/steps.h"
#include "supervisor/network/handlers.h"
#include "supervisor/network/peer_processes.h"
#include "supervisor/network/socket_argument.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

/// True with what the caller is to be told, where the kernel would tell of PID 1.
bool is_known_better(Call& call, ucred& peer) {
  const Outcome<Socket> socket = take_socket(call, call.notification.int_argument(0));
  if (!socket.ok() || socket->kind.domain != AF_UNIX) return false;
  socklen_t size = sizeof peer;
  if (::getsockopt(socket->fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid != ::getpid()) return false;
  peer.pid = call.worker.peers.peer_of(socket->fd).seen_from(call.caller.status().process.levels);
  return peer.pid != 0;
}

Outcome<void> tell(Call& call, const ucred& peer) {
  const Notification& asked = call.notification;
  const std::uint64_t room = asked.argument(4);
  int size = 0;
  WARDER_GET(call.caller.copy_in(room, std::as_writable_bytes(std::span(&size, 1))));
  if (size < 0) return Errno{EINVAL};
  size = std::min(size, static_cast<int>(sizeof peer));
  const auto bytes = std::as_bytes(std::span(&peer, 1)).first(static_cast<std::size_t>(size));
  WARDER_GET(call.caller.copy_out(asked.argument(3), bytes));
  return call.caller.copy_out(room, std::as_bytes(std::span(&size, 1)));
}

}  // namespace

void getsockopt(Call& call) {
  ucred peer{};
  if (is_known_better(call, peer)) return files::answer(call, tell(call, peer));
  // Nothing was decided: the kernel may say what it likes about whatever descriptor stands there by now.
  (void)std::move(call.notification).let_kernel_run();
}

}  // namespace warder::supervisor::network
