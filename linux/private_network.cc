// unshare(2) and rtnetlink(7). A thread of PID 1, before it drops its capabilities.
#include "linux/private_network.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>

#include "linux/loopback.h"

namespace warder::kernel {
namespace {

constexpr std::uint32_t loopback_index = 1;  // of the first device of every namespace

struct RouteRequest {
  nlmsghdr header{};
  rtmsg route{};
  rtattr device_header{};
  std::uint32_t device = loopback_index;
};

struct RouteReply {
  nlmsghdr header;
  nlmsgerr error;
};

/// `ip route add local default dev lo`. 0 or an errno.
int add_local_default(BorrowedFd netlink, unsigned char family) {
  RouteRequest request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_NEWROUTE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request.route.rtm_family = family;
  request.route.rtm_table = RT_TABLE_LOCAL;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_HOST;
  request.route.rtm_type = RTN_LOCAL;
  request.device_header.rta_len = RTA_LENGTH(sizeof request.device);
  request.device_header.rta_type = RTA_OIF;
  if (::send(netlink.get(), &request, sizeof request, 0) < 0) return errno;
  alignas(RouteReply) char buffer[1024];
  const ssize_t size = ::recv(netlink.get(), buffer, sizeof buffer, 0);
  if (size < 0) return errno;
  RouteReply reply{};
  if (static_cast<std::size_t>(size) < sizeof reply) return EPROTO;
  std::memcpy(&reply, buffer, sizeof reply);
  return reply.header.nlmsg_type == NLMSG_ERROR ? -reply.error.error : EPROTO;
}

}  // namespace

Result<void> enter_private_network() {
  if (::unshare(CLONE_NEWNET) != 0) return Error::syscall("unshare CLONE_NEWNET");
  if (auto up = bring_loopback_up(); !up) return up;
  const Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return Error::syscall("socket AF_NETLINK");
  if (const int error = add_local_default(netlink, AF_INET); error != 0) return Error::syscall("RTM_NEWROUTE", error);
  const int error = add_local_default(netlink, AF_INET6);
  if (error != 0 && error != EOPNOTSUPP && error != EAFNOSUPPORT) return Error::syscall("RTM_NEWROUTE (IPv6)", error);
  return {};
}

std::uint64_t network_cookie(BorrowedFd socket) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

}  // namespace warder::kernel
