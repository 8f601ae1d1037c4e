// unshare(2) and rtnetlink(7). A thread of PID 1, before it drops its capabilities.
#include "linux/private_network.h"

#include <sched.h>
#include <sys/socket.h>

#include <cerrno>

#include "linux/loopback.h"
#include "linux/route_request.h"

namespace warder::kernel {
namespace {

/// `ip route add local default dev lo`.
Result<void> add_local_default(BorrowedFd netlink, unsigned char family, std::string_view what) {
  constexpr std::uint32_t loopback_index = 1;  // of the first device of every namespace
  rtmsg route{};
  route.rtm_family = family;
  route.rtm_table = RT_TABLE_LOCAL;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_HOST;
  route.rtm_type = RTN_LOCAL;
  RouteRequest request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, route);
  request.add(RTA_OIF, &loopback_index, sizeof loopback_index);
  return ask_route(netlink, request, what);
}

}  // namespace

Result<void> enter_private_network() {
  if (::unshare(CLONE_NEWNET) != 0) return Error::syscall("unshare CLONE_NEWNET");
  if (auto up = bring_loopback_up(); !up) return up;
  const Fd netlink = WARDER_TRY(open_route_socket());
  WARDER_TRY(add_local_default(netlink, AF_INET, "RTM_NEWROUTE"));
  auto ipv6 = add_local_default(netlink, AF_INET6, "RTM_NEWROUTE (IPv6)");
  if (!ipv6 && ipv6.error().code() != EOPNOTSUPP && ipv6.error().code() != EAFNOSUPPORT) return ipv6;
  return {};
}

std::uint64_t network_cookie(BorrowedFd socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

}  // namespace warder::kernel
