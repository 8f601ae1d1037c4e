#include "supervisor/process/control.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "linux/socket.h"

namespace warder::supervisor {

void ControlSocket::add_to_poll(std::vector<pollfd>& entries) const {
  for (const Fd& connection : connections_) entries.push_back({connection.get(), POLLIN, 0});
}

bool ControlSocket::trusted(BorrowedFd connection) const {
  const Result<kernel::PeerCredentials> peer = kernel::peer_credentials(connection);
  if (!peer.ok() || peer->uid != peer_.uid) return false;
  return !peer_.private_pid_namespace || peer->pid == 0;
}

void ControlSocket::accept() {
  Result<Fd> accepted = kernel::accept_connection(listener_);
  if (!accepted.ok()) return;
  Fd connection = *std::move(accepted);
  if (connections_.size() >= max_connections || !trusted(connection)) return;
  // The main thread never waits for a peer.
  if (::fcntl(connection.get(), F_SETFL, O_NONBLOCK) != 0) return;
  connections_.push_back(std::move(connection));
}

bool ControlSocket::is_connection(int fd) const {
  return std::any_of(connections_.begin(), connections_.end(), [fd](const Fd& one) { return one.get() == fd; });
}

Result<Message> ControlSocket::receive(int connection) {
  Result<Message> message = receive_message(BorrowedFd(connection));
  // EAGAIN: the event was of another descriptor that had this number until a worker closed it; this one is as it was.
  if (!message.ok() && message.error().code() != EAGAIN) drop(connection);
  return message;
}

void ControlSocket::answer(int connection, const Message& message) {
  if (!is_connection(connection)) return;
  if (!send_message(BorrowedFd(connection), message).ok()) drop(connection);
}

void ControlSocket::drop(int connection) {
  std::erase_if(connections_, [connection](const Fd& one) { return one.get() == connection; });
}

}  // namespace warder::supervisor
