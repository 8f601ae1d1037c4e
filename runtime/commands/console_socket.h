// The caller's end of a terminal: conmon, containerd's shim or ourselves. The host process of `create`, `run` and `exec`.
#pragma once

#include <string>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::runtime {

/// Connects to the listening SOCK_STREAM socket of --console-socket. A path longer than sockaddr_un takes is reached through a
/// descriptor of its directory.
Result<Fd> connect_console_socket(const std::string& path);

/// Connects to any listening SOCK_STREAM socket in the file system, however long its path is.
Result<Fd> connect_stream_socket(const std::string& path);

/// Sends a pidfd over a fresh connection to `path`: --pidfd-socket, run.oci.pidfd_receiver.
Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd);

/// The terminal's master as sent over a connected console socket.
Result<Fd> receive_terminal(BorrowedFd socket);

}  // namespace warder::runtime
