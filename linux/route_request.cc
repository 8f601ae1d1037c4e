#include "linux/route_request.h"

#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace warder::kernel {

void RouteRequest::add(std::uint16_t type, const void* data, std::size_t size) {
  rtattr attribute{.rta_len = static_cast<std::uint16_t>(RTA_LENGTH(size)), .rta_type = type};
  std::size_t at = bytes_.size();
  bytes_.resize(at + RTA_SPACE(size));
  std::memcpy(bytes_.data() + at, &attribute, sizeof attribute);
  std::memcpy(bytes_.data() + at + RTA_LENGTH(0), data, size);
}

std::vector<char>& RouteRequest::finish() {
  header().nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
  return bytes_;
}

Result<Fd> open_route_socket() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return Error::syscall("socket AF_NETLINK");
  return socket;
}

Result<void> ask_route(BorrowedFd socket, RouteRequest& request, std::string_view what,
                       const std::function<void(const nlmsghdr&)>& visit) {
  constexpr std::size_t reply_size = 32768;
  std::vector<char>& bytes = request.finish();
  if (::send(socket.get(), bytes.data(), bytes.size(), 0) < 0) return Error::syscall(std::string(what) + ": send");
  std::vector<char> reply(reply_size);
  for (;;) {
    ssize_t size = ::recv(socket.get(), reply.data(), reply.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::syscall(std::string(what) + ": recv");
    auto left = static_cast<std::uint32_t>(size);
    for (auto* head = reinterpret_cast<nlmsghdr*>(reply.data()); NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type == NLMSG_DONE) return {};
      if (head->nlmsg_type == NLMSG_ERROR) {
        int code = -reinterpret_cast<nlmsgerr*>(NLMSG_DATA(head))->error;
        if (code == 0) return {};
        return Error::syscall(what, code);
      }
      visit(*head);
    }
  }
}

}  // namespace warder::kernel
