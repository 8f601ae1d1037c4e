// The side of the clients: datagrams and connections in the private network. The resolver's side is in dns_forward.cc.
#include "supervisor/names/dns_exchange.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "supervisor/names/dns_clock.h"
#include "supervisor/network/address.h"
#include "supervisor/process/locked.h"
#include "supervisor/process/thread.h"

namespace warder::supervisor::names {
namespace {

constexpr std::size_t stack_size = 128 * 1024;
constexpr std::size_t length_size = 2;  // before a message in a stream

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

HostAddress address_of(const sockaddr_storage& address) {
  HostAddress host{address.ss_family == AF_INET6, {}};
  if (host.ipv6) {
    std::memcpy(host.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, sizeof(in6_addr));
  } else {
    std::memcpy(host.bytes.data(), &reinterpret_cast<const sockaddr_in&>(address).sin_addr, sizeof(in_addr));
  }
  return host;
}

/// The destination of a datagram, from its IP_PKTINFO or IPV6_PKTINFO. False where it has none.
bool destination_of(msghdr& header, HostAddress& destination) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      destination = {false, {}};
      std::memcpy(destination.bytes.data(), &info.ipi_addr, sizeof info.ipi_addr);
      return true;
    }
    if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      destination.ipv6 = true;
      std::memcpy(destination.bytes.data(), &info.ipi6_addr, sizeof info.ipi6_addr);
      return true;
    }
  }
  return false;
}

/// Sends a datagram that comes from `source`.
void send_from(BorrowedFd socket, const HostAddress& source, const sockaddr_storage& to, socklen_t to_size,
               std::span<const std::byte> content) {
  iovec piece{const_cast<std::byte*>(content.data()), content.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))]{};
  msghdr header{};
  header.msg_name = const_cast<sockaddr_storage*>(&to);
  header.msg_namelen = to_size;
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = source.ipv6 ? CMSG_SPACE(sizeof(in6_pktinfo)) : CMSG_SPACE(sizeof(in_pktinfo));
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = source.ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
  part->cmsg_type = source.ipv6 ? IPV6_PKTINFO : IP_PKTINFO;
  if (source.ipv6) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes.data(), sizeof info.ipi6_addr);
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.bytes.data(), sizeof info.ipi_spec_dst);
    part->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(part), &info, sizeof info);
  }
  // A full or vanished client loses its answer, as on any network.
  (void)::sendmsg(socket.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Result<void> DnsExchange::start() { return start_thread(run, this, stack_size); }

void* DnsExchange::run(void* self) {
  static_cast<DnsExchange*>(self)->serve();
  return nullptr;
}

void DnsExchange::note_asker(Asker asker) {
  Locked locked(mutex_);
  askers_[next_asker_++ % max_askers] = std::move(asker);
}

Asker DnsExchange::asker_at(const Client& client) {
  Locked locked(mutex_);
  for (std::size_t i = 1; i <= max_askers; ++i) {
    const Asker& asker = askers_[(next_asker_ + max_askers - i) % max_askers];
    if (asker.port == client.port && asker.stream == (client.connection != 0) && asker.port != 0) return asker;
  }
  return {};
}

std::vector<pollfd> DnsExchange::entries() {
  std::vector<pollfd> all;
  const PrivateSockets::Ends& ends = sockets_.ends();
  for (const Fd* end : {&ends.datagrams4, &ends.datagrams6, &ends.streams4, &ends.streams6}) {
    if (end->valid()) all.push_back({end->get(), POLLIN, 0});
  }
  for (const Pending& one : pending_) {
    all.push_back({one.resolver.get(), static_cast<short>(one.sending ? POLLOUT : POLLIN), 0});
  }
  for (const Connection& one : connections_) {
    if (one.to_send.empty() && one.waiting) continue;
    all.push_back({one.fd.get(), static_cast<short>(one.to_send.empty() ? POLLIN : POLLOUT), 0});
  }
  return all;
}

int DnsExchange::timeout() const {
  std::int64_t first = -1;
  const auto consider = [&first](std::int64_t deadline) { first = first < 0 ? deadline : std::min(first, deadline); };
  for (const Pending& one : pending_) consider(one.deadline);
  for (const Connection& one : connections_) consider(one.deadline);
  return first < 0 ? -1 : static_cast<int>(std::clamp<std::int64_t>(first - monotonic_milliseconds(), 0, patience));
}

void DnsExchange::give_up(std::int64_t now) {
  std::erase_if(pending_, [&](const Pending& one) { return one.deadline <= now; });
  std::erase_if(connections_, [&](const Connection& one) { return one.deadline <= now; });
}

void DnsExchange::serve() {
  for (;;) {
    std::vector<pollfd> waiting = entries();
    if (::poll(waiting.data(), waiting.size(), timeout()) < 0) continue;
    for (const pollfd& entry : waiting) {
      if (entry.revents != 0) on_event(entry);
    }
    give_up(monotonic_milliseconds());
    if (pending_.empty() && connections_.empty()) std::vector<std::byte>().swap(buffer_);
  }
}

void DnsExchange::on_event(const pollfd& entry) {
  const PrivateSockets::Ends& ends = sockets_.ends();
  if (entry.fd == ends.datagrams4.get() || entry.fd == ends.datagrams6.get()) return receive_datagram(BorrowedFd(entry.fd));
  if (entry.fd == ends.streams4.get() || entry.fd == ends.streams6.get()) return accept(BorrowedFd(entry.fd));
  for (auto one = pending_.begin(); one != pending_.end(); ++one) {
    if (one->resolver.get() != entry.fd) continue;
    if (!read_answer(*one)) pending_.erase(one);
    return;
  }
  for (auto one = connections_.begin(); one != connections_.end(); ++one) {
    if (one->fd.get() != entry.fd) continue;
    if (!progress(*one)) connections_.erase(one);
    return;
  }
}

void DnsExchange::receive_datagram(BorrowedFd socket) {
  std::array<std::byte, largest_question + 1> content;
  alignas(cmsghdr) char control[256];
  Client client;
  iovec piece{content.data(), content.size()};
  msghdr header{};
  header.msg_name = &client.from;
  header.msg_namelen = sizeof client.from;
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t size = ::recvmsg(socket.get(), &header, MSG_DONTWAIT);
  if (size < 0 || !destination_of(header, client.server)) return;
  client.from_size = header.msg_namelen;
  client.port = port_of(client.from);
  take_question(std::span(content).first(static_cast<std::size_t>(size)), client);
}

void DnsExchange::accept(BorrowedFd listener) {
  Connection connection;
  sockaddr_storage peer{};
  sockaddr_storage own{};
  socklen_t size = sizeof peer;
  connection.fd = Fd(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.fd) return;
  size = sizeof own;
  if (::getsockname(connection.fd.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return;
  // The oldest makes room: whoever holds connections open without asking holds up itself.
  if (connections_.size() >= max_connections) connections_.pop_front();
  connection.number = ++last_connection_;
  connection.client.server = address_of(own);
  connection.client.port = port_of(peer);
  connection.client.connection = connection.number;
  connection.deadline = monotonic_milliseconds() + patience;
  connections_.push_back(std::move(connection));
}

/// False where the connection is over.
bool DnsExchange::progress(Connection& connection) {
  if (connection.to_send.empty()) return read_stream(connection);
  const ssize_t sent =
      ::sendto(connection.fd.get(), connection.to_send.data(), connection.to_send.size(), MSG_NOSIGNAL, nullptr, 0);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  connection.to_send.erase(connection.to_send.begin(), connection.to_send.begin() + sent);
  if (connection.to_send.empty()) connection.deadline = monotonic_milliseconds() + patience;
  return true;
}

bool DnsExchange::read_stream(Connection& connection) {
  std::array<std::byte, largest_question + length_size> content;
  const std::size_t room = content.size() - std::min(content.size(), connection.received.size());
  if (room > 0) {
    const ssize_t size = ::read(connection.fd.get(), content.data(), room);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    connection.received.insert(connection.received.end(), content.begin(), content.begin() + size);
  }
  auto& received = connection.received;
  if (received.size() < length_size) return true;
  const std::size_t length = std::to_integer<std::size_t>(received[0]) << 8U | std::to_integer<std::size_t>(received[1]);
  if (length > largest_question) return false;
  if (received.size() < length_size + length) return true;
  const std::vector<std::byte> message(received.begin() + length_size,
                                       received.begin() + static_cast<std::ptrdiff_t>(length_size + length));
  received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(length_size + length));
  connection.waiting = true;
  const Client client = connection.client;
  take_question(message, client);
  return true;
}

void DnsExchange::answer(const Client& client, const Question& question, std::vector<std::byte> message) {
  if (client.connection == 0) {
    if (message.size() > question.payload) message = write_truncated_answer(question);
    const PrivateSockets::Ends& ends = sockets_.ends();
    return send_from(client.server.ipv6 ? ends.datagrams6 : ends.datagrams4, client.server, client.from, client.from_size,
                     message);
  }
  for (Connection& connection : connections_) {
    if (connection.number != client.connection) continue;
    connection.to_send.push_back(static_cast<std::byte>(message.size() >> 8U));
    connection.to_send.push_back(static_cast<std::byte>(message.size()));
    connection.to_send.insert(connection.to_send.end(), message.begin(), message.end());
    connection.waiting = false;
    connection.deadline = monotonic_milliseconds() + patience;
  }
}

}  // namespace warder::supervisor::names
