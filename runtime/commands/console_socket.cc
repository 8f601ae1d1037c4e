// Console sockets. The host process of `create`, `run` and `exec`.
#include "runtime/commands/console_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "linux/open.h"
#include "linux/socket.h"

namespace warder::runtime {

Result<Fd> connect_stream_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string name = path;
  Fd place;
  if (name.size() >= sizeof address.sun_path) {
    place = WARDER_TRY(kernel::open_path(path, O_PATH));
    name = fmt::format("/proc/self/fd/{}", place.get());
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::syscall("socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::syscall(fmt::format("connect '{}'", path));
  }
  return socket;
}

Result<Fd> connect_console_socket(const std::string& path) {
  return WARDER_TRY_WITH(connect_stream_socket(path), "--console-socket");
}

Result<void> send_pidfd(const std::string& path, BorrowedFd pidfd) {
  Fd socket = WARDER_TRY(connect_stream_socket(path));
  constexpr std::string_view name = "pidfd";
  std::array<int, 1> fds{pidfd.get()};
  return kernel::send_with_fds(socket, std::as_bytes(std::span(name)), fds);
}

Result<Fd> receive_terminal(BorrowedFd socket) {
  std::array<std::byte, 4096> name{};
  kernel::ReceivedDatagram message = WARDER_TRY_WITH(kernel::receive_with_fds(socket, name), "terminal");
  if (message.fds.size() != 1) return Error(Fault::environment, "terminal: the console socket brought no descriptor");
  return std::move(message.fds.front());
}

}  // namespace warder::runtime
