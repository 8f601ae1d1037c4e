#include "supervisor/names/private_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "linux/private_network.h"
#include "supervisor/process/locked.h"
#include "supervisor/process/thread.h"

namespace warder::supervisor::names {
namespace {

constexpr std::size_t stack_size = 128 * 1024;
constexpr std::uint16_t dns_port = 53;
constexpr int backlog = 64;

bool set(BorrowedFd socket, int level, int option) {
  constexpr int on = 1;
  return ::setsockopt(socket.get(), level, option, &on, sizeof on) == 0;
}

Result<Fd> bound(int family, int type) {
  Fd socket(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::syscall("socket");
  sockaddr_storage address{};
  socklen_t size = sizeof(sockaddr_in);
  if (family == AF_INET) {
    auto& inet = reinterpret_cast<sockaddr_in&>(address);
    inet.sin_port = htons(dns_port);
    (void)set(socket, IPPROTO_IP, IP_PKTINFO);
  } else {
    auto& inet = reinterpret_cast<sockaddr_in6&>(address);
    inet.sin6_port = htons(dns_port);
    size = sizeof inet;
    if (!set(socket, IPPROTO_IPV6, IPV6_V6ONLY)) return Error::syscall("IPV6_V6ONLY");
    (void)set(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    constexpr int ipv6_freebind = 78;  // IPV6_FREEBIND, 4.15: answers come from addresses that no device has
    (void)set(socket, IPPROTO_IPV6, ipv6_freebind);
  }
  address.ss_family = static_cast<sa_family_t>(family);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return Error::syscall("bind of port 53");
  if (type == SOCK_STREAM && ::listen(socket.get(), backlog) != 0) return Error::syscall("listen");
  return socket;
}

}  // namespace

Result<void> PrivateSockets::prepare() {
  WARDER_TRY(kernel::enter_private_network());
  ends_.datagrams4 = WARDER_TRY(bound(AF_INET, SOCK_DGRAM));
  ends_.streams4 = WARDER_TRY(bound(AF_INET, SOCK_STREAM));
  if (Fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)).valid()) {
    ends_.datagrams6 = WARDER_TRY(bound(AF_INET6, SOCK_DGRAM));
    ends_.streams6 = WARDER_TRY(bound(AF_INET6, SOCK_STREAM));
  }
  cookie_ = kernel::network_cookie(ends_.datagrams4);
  if (cookie_ == 0) return Error::syscall("SO_NETNS_COOKIE");
  return confine_();
}

void PrivateSockets::serve() {
  Locked locked(mutex_);
  for (;;) {
    while (phase_ != Phase::asked) locked.wait(changed_);
    order_.result = ::socket(order_.domain, order_.type | SOCK_CLOEXEC, order_.protocol);
    order_.error = errno;
    phase_ = Phase::answered;
    ::pthread_cond_broadcast(&changed_);
  }
}

void* PrivateSockets::run(void* self) {
  auto& sockets = *static_cast<PrivateSockets*>(self);
  Result<void> prepared = sockets.prepare();
  const bool ready = prepared.ok();
  {
    Locked locked(sockets.mutex_);
    sockets.prepared_ = std::move(prepared);
    sockets.phase_ = ready ? Phase::idle : Phase::failed;
    ::pthread_cond_broadcast(&sockets.changed_);
  }
  if (ready) sockets.serve();
  return nullptr;
}

Result<void> PrivateSockets::start(std::function<Result<void>()> confine) {
  confine_ = std::move(confine);
  WARDER_TRY(start_thread(run, this, stack_size));
  Locked locked(mutex_);
  while (phase_ == Phase::starting) locked.wait(changed_);
  confine_ = nullptr;
  return std::move(prepared_);
}

Outcome<Fd> PrivateSockets::make(int domain, int type, int protocol) {
  Locked locked(mutex_);
  while (phase_ != Phase::idle) {
    if (phase_ == Phase::starting || phase_ == Phase::failed) return Errno{EPERM};
    locked.wait(changed_);
  }
  order_ = {.domain = domain, .type = type, .protocol = protocol};
  phase_ = Phase::asked;
  ::pthread_cond_broadcast(&changed_);
  while (phase_ != Phase::answered) locked.wait(changed_);
  const int number = order_.result;
  const int error = order_.error;
  phase_ = Phase::idle;
  ::pthread_cond_broadcast(&changed_);
  if (number < 0) return Errno{error};
  return Fd(number);
}

bool PrivateSockets::owns(BorrowedFd socket) const { return cookie_ != 0 && kernel::network_cookie(socket) == cookie_; }

}  // namespace warder::supervisor::names
