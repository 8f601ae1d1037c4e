#include "supervisor/network/netlink_port.h"

#include <linux/netlink.h>
#include <sys/random.h>
#include <sys/socket.h>

namespace warder::supervisor::network {
namespace {

sockaddr_nl& netlink(SocketAddress& address) { return reinterpret_cast<sockaddr_nl&>(address.storage); }

bool is_netlink(const SocketAddress& address, const Socket& socket) {
  return socket.kind.domain == AF_NETLINK && address.size >= sizeof(sockaddr_nl) && address.family() == AF_NETLINK;
}

/// 0 where it has none.
std::uint32_t port_of(const Socket& socket) {
  Outcome<SocketAddress> address = own_address(socket.fd);
  return address.ok() && is_netlink(*address, socket) ? netlink(*address).nl_pid : 0;
}

/// As the kernel does once the process id is taken (netlink_autobind): somewhere below those of processes.
std::uint32_t other_port() {
  constexpr std::uint32_t lowest = 0x80000000U;
  constexpr std::uint32_t highest = 0xffffefffU;  // -4097
  std::uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) < 0) random = 0;  // taken perhaps, and then nothing is lost but the port
  return lowest + random % (highest - lowest + 1);
}

}  // namespace

int bind_netlink(Call& call, const Socket& socket, SocketAddress address) {
  const auto bound = [&] { return ::bind(socket.fd.get(), address.get(), address.size) == 0 ? 0 : errno; };
  if (!is_netlink(address, socket) || netlink(address).nl_pid != 0 || port_of(socket) != 0) return bound();
  const NamespacePids& process = call.caller.status().process;
  netlink(address).nl_pid = process.levels == 0 ? other_port() : static_cast<std::uint32_t>(process.pid[process.levels - 1]);
  constexpr int tries = 16;
  for (int attempt = 0;; ++attempt) {
    const int error = bound();
    if (error != EADDRINUSE || attempt == tries) return error;
    netlink(address).nl_pid = other_port();
  }
}

void give_netlink_port(Call& call, const Socket& socket) {
  if (socket.kind.domain != AF_NETLINK || port_of(socket) != 0) return;
  SocketAddress address;
  netlink(address).nl_family = AF_NETLINK;
  address.size = sizeof(sockaddr_nl);
  (void)bind_netlink(call, socket, address);
}

}  // namespace warder::supervisor::network
