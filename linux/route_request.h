// Requests of rtnetlink(7) and their answers. Any process; what is asked for needs CAP_NET_ADMIN where it changes something.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// One request: a header, a family's own structure and attributes.
class RouteRequest {
 public:
  template <class Payload>
  RouteRequest(std::uint16_t type, std::uint16_t flags, const Payload& payload) {
    bytes_.resize(NLMSG_SPACE(sizeof payload));
    nlmsghdr& head = header();
    head.nlmsg_type = type;
    head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    std::memcpy(NLMSG_DATA(&head), &payload, sizeof payload);
  }

  void add(std::uint16_t type, const void* data, std::size_t size);
  [[nodiscard]] std::vector<char>& finish();

 private:
  nlmsghdr& header() { return *reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  std::vector<char> bytes_;
};

/// A socket of the calling thread's network namespace.
Result<Fd> open_route_socket();

/// Sends, and gives every message of the answer to `visit` until the kernel says that it was the last one. The error is the
/// kernel's own; `what` names the request in its text.
Result<void> ask_route(
    BorrowedFd socket, RouteRequest& request, std::string_view what,
    const std::function<void(const nlmsghdr&)>& visit = [](const nlmsghdr&) {});

}  // namespace warder::kernel
