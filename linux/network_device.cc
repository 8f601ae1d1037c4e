// What rtnetlink(7) is asked for to move a device. P0.
#include "linux/network_device.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "linux/open.h"
#include "linux/route_request.h"

namespace warder::kernel {
namespace {

struct Address {
  ifaddrmsg head{};
  std::vector<char> local, address, broadcast;
};

void read_address(const nlmsghdr& head, unsigned index, std::vector<Address>& out) {
  if (head.nlmsg_type != RTM_NEWADDR) return;
  const auto* message = reinterpret_cast<const ifaddrmsg*>(NLMSG_DATA(&head));
  bool wanted =
      message->ifa_index == index && message->ifa_scope == RT_SCOPE_UNIVERSE && (message->ifa_flags & IFA_F_PERMANENT) != 0;
  if (!wanted) return;
  Address found{.head = *message, .local = {}, .address = {}, .broadcast = {}};
  int left = static_cast<int>(IFA_PAYLOAD(&head));
  for (const auto* one = reinterpret_cast<const rtattr*>(IFA_RTA(message)); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    const auto* data = static_cast<const char*>(RTA_DATA(one));
    std::vector<char> value(data, data + RTA_PAYLOAD(one));
    if (one->rta_type == IFA_LOCAL) {
      found.local = std::move(value);
    } else if (one->rta_type == IFA_ADDRESS) {
      found.address = std::move(value);
    } else if (one->rta_type == IFA_BROADCAST) {
      found.broadcast = std::move(value);
    }
  }
  out.push_back(std::move(found));
}

Result<std::vector<Address>> addresses_of(BorrowedFd socket, unsigned index) {
  std::vector<Address> found;
  RouteRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  WARDER_TRY(ask_route(socket, request, "RTM_GETADDR", [&](const nlmsghdr& head) { read_address(head, index, found); }));
  return found;
}

Result<void> move(BorrowedFd socket, unsigned index, BorrowedFd namespace_fd, const std::string& new_name) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  RouteRequest request(RTM_NEWLINK, NLM_F_ACK, link);
  std::uint32_t fd = static_cast<std::uint32_t>(namespace_fd.get());
  request.add(IFLA_NET_NS_FD, &fd, sizeof fd);
  request.add(IFLA_IFNAME, new_name.c_str(), new_name.size() + 1);
  return ask_route(socket, request, "RTM_NEWLINK");
}

Result<void> give_back(BorrowedFd socket, unsigned index, const Address& address) {
  ifaddrmsg head = address.head;
  head.ifa_index = index;
  RouteRequest request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, head);
  if (!address.local.empty()) request.add(IFA_LOCAL, address.local.data(), address.local.size());
  if (!address.address.empty()) request.add(IFA_ADDRESS, address.address.data(), address.address.size());
  if (!address.broadcast.empty()) request.add(IFA_BROADCAST, address.broadcast.data(), address.broadcast.size());
  return ask_route(socket, request, "RTM_NEWADDR");
}

Result<void> set_up(BorrowedFd socket, unsigned index) {
  ifinfomsg link{};
  link.ifi_index = static_cast<int>(index);
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  RouteRequest request(RTM_NEWLINK, NLM_F_ACK, link);
  return ask_route(socket, request, "RTM_NEWLINK (up)");
}

/// What has to be done inside the other namespace; a socket belongs to the namespace in which it was made.
Result<void> settle(const std::string& name, const std::vector<Address>& addresses) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return Error::syscall("if_nametoindex");
  Fd socket = WARDER_TRY(open_route_socket());
  for (const Address& address : addresses) WARDER_TRY(give_back(socket, index, address));
  return set_up(socket, index);
}

}  // namespace

Result<void> move_network_device(const std::string& name, BorrowedFd namespace_fd, const std::string& new_name) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return Error::user("there is no such network device on the host");
  Fd socket = WARDER_TRY(open_route_socket());
  std::vector<Address> addresses = WARDER_TRY(addresses_of(socket, index));
  WARDER_TRY(move(socket, index, namespace_fd, new_name));
  Fd home = WARDER_TRY(open_path("/proc/self/ns/net", O_RDONLY));
  if (::setns(namespace_fd.get(), CLONE_NEWNET) != 0) return Error::syscall("setns to the container's network namespace");
  Result<void> settled = settle(new_name, addresses);
  if (::setns(home.get(), CLONE_NEWNET) != 0) return Error::syscall("setns to the host's network namespace");
  return settled;
}

}  // namespace warder::kernel
