// The control socket of PID 1: how `warder` talks to a running container. Main thread.
//
// It lies in the state directory of the host (mode 0700), out of the container's sight. A peer is heard only if it is the user
// who made the container and, where the container has a PID namespace of its own, stands outside of it.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "supervisor/protocol/messages.h"

namespace warder::supervisor {

/// Who may speak on the control socket.
struct ControlPeer {
  uid_t uid = 0;                      ///< as PID 1's user namespace shows the user of the runtime
  bool private_pid_namespace = true;  ///< a peer with a pid here is a process of the container
};

class ControlSocket {
 public:
  static constexpr std::size_t max_connections = 32;

  ControlSocket(BorrowedFd listener, ControlPeer peer) : listener_(listener), peer_(peer) {}

  void add_to_poll(std::vector<pollfd>& entries) const;
  /// Accepts what waits. Call when the listener is readable.
  void accept();
  [[nodiscard]] bool is_connection(int fd) const;
  /// The next request of a readable connection; an error where it is over (the connection is gone then), or EAGAIN where none is
  /// there after all (the connection stays).
  Result<Message> receive(int connection);
  /// Answers. A peer that does not read its answer loses its connection.
  void answer(int connection, const Message& message);

 private:
  [[nodiscard]] bool trusted(BorrowedFd connection) const;
  void drop(int connection);

  BorrowedFd listener_;
  ControlPeer peer_;
  std::vector<Fd> connections_;
};

}  // namespace warder::supervisor
