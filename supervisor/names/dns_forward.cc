// The side of the resolver: which questions reach it, and what becomes of its answers. The DNS thread.
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "supervisor/names/dns_clock.h"
#include "supervisor/names/dns_exchange.h"
#include "supervisor/network/address.h"

namespace warder::supervisor::names {
namespace {

constexpr std::uint16_t dns_port = 53;
constexpr std::size_t largest_message = 65535;
constexpr std::size_t length_size = 2;

policy::Endpoint endpoint_of(const HostAddress& server, policy::Transport transport) {
  policy::Endpoint endpoint;
  endpoint.transport = transport;
  endpoint.family = server.ipv6 ? AF_INET6 : AF_INET;
  endpoint.ipv6 = server.ipv6;
  endpoint.address = server.bytes;
  endpoint.port = dns_port;
  return endpoint;
}

/// A socket that is connected, or about to be, to the resolver. Its port is the kernel's to choose, each time anew.
Fd connect_to(const HostAddress& server, int type) {
  Fd socket(::socket(server.ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return socket;
  sockaddr_in inet{};
  sockaddr_in6 inet6{};
  inet.sin_family = AF_INET;
  inet6.sin6_family = AF_INET6;
  inet.sin_port = inet6.sin6_port = htons(dns_port);
  std::memcpy(&inet.sin_addr, server.bytes.data(), sizeof inet.sin_addr);
  std::memcpy(&inet6.sin6_addr, server.bytes.data(), sizeof inet6.sin6_addr);
  const auto* generic = server.ipv6 ? reinterpret_cast<const sockaddr*>(&inet6) : reinterpret_cast<const sockaddr*>(&inet);
  const socklen_t size = server.ipv6 ? sizeof inet6 : sizeof inet;
  if (::connect(socket.get(), generic, size) != 0 && errno != EINPROGRESS) socket.reset();
  return socket;
}

bool is_for(std::span<const std::byte> message, std::uint16_t id) {
  return message.size() >= 2 && std::to_integer<unsigned>(message[0]) << 8U == (id & 0xff00U) &&
         std::to_integer<unsigned>(message[1]) == (id & 0xffU);
}

}  // namespace

void DnsExchange::take_question(std::span<const std::byte> message, const Client& client) {
  std::optional<Question> question = read_question(message);
  if (!question || !names_.is_server(client.server)) {
    std::erase_if(connections_, [&](const Connection& one) { return one.number == client.connection; });
    return;
  }
  const auto transport = client.connection == 0 ? policy::Transport::udp : policy::Transport::tcp;
  const policy::Endpoint endpoint = endpoint_of(client.server, transport);
  const policy::Verdict verdict = names_.judge(question->name, endpoint);
  if (verdict.would_refuse || !verdict.allowed) refuse(*question, client, endpoint, verdict);
  if (!verdict.allowed) return answer(client, *question, write_empty_answer(*question, ResponseCode::no_such_name));
  // These hold addresses in a form of their own; without them programs ask for A and AAAA.
  if (question->type == type_https || question->type == type_svcb) {
    return answer(client, *question, write_empty_answer(*question, ResponseCode::no_error));
  }
  const Question kept = *question;
  if (!ask_resolver(*std::move(question), client)) answer(client, kept, write_empty_answer(kept, ResponseCode::server_failure));
}

void DnsExchange::refuse(const Question& question, const Client& client, const policy::Endpoint& endpoint,
                         const policy::Verdict& verdict) {
  const Asker asker = asker_at(client);
  const std::string address = network::address_text(endpoint);
  AuditEvent event;
  event.process = asker.process;
  event.guest_pid = asker.guest_pid;
  event.uid = asker.uid;
  event.command = asker.command;
  event.program = asker.program;
  event.syscall = "dns";
  event.section = "connect";
  event.address = address;
  event.host = question.name;
  if (audit_.wants(event, verdict)) audit_.record(event, verdict);
}

bool DnsExchange::ask_resolver(Question question, const Client& client) {
  if (pending_.size() >= max_pending) return false;
  Pending pending;
  pending.client = client;
  if (::getrandom(&pending.id, sizeof pending.id, 0) != sizeof pending.id) return false;
  pending.resolver = connect_to(client.server, pending.stream() ? SOCK_STREAM : SOCK_DGRAM);
  if (!pending.resolver) return false;
  std::vector<std::byte> message = write_question(question, pending.id);
  pending.question = std::move(question);
  pending.deadline = monotonic_milliseconds() + patience;
  if (pending.stream()) {
    pending.bytes = {static_cast<std::byte>(message.size() >> 8U), static_cast<std::byte>(message.size())};
    pending.bytes.insert(pending.bytes.end(), message.begin(), message.end());
    pending.sending = true;
  } else if (::write(pending.resolver.get(), message.data(), message.size()) < 0) {
    return false;
  }
  pending_.push_back(std::move(pending));
  return true;
}

/// False where the question is answered, or never will be.
bool DnsExchange::read_answer(Pending& pending) {
  if (!pending.stream()) return read_datagram_answer(pending);
  if (!pending.sending) return read_stream_answer(pending);
  const ssize_t sent = ::sendto(pending.resolver.get(), pending.bytes.data(), pending.bytes.size(), MSG_NOSIGNAL, nullptr, 0);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (sent < 0) {
    answer(pending.client, pending.question, write_empty_answer(pending.question, ResponseCode::server_failure));
    return false;
  }
  pending.bytes.erase(pending.bytes.begin(), pending.bytes.begin() + sent);
  pending.sending = !pending.bytes.empty();
  return true;
}

bool DnsExchange::read_datagram_answer(Pending& pending) {
  buffer_.resize(largest_message);
  const ssize_t size = ::read(pending.resolver.get(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size < 0) {  // nobody there
    answer(pending.client, pending.question, write_empty_answer(pending.question, ResponseCode::server_failure));
    return false;
  }
  const auto message = std::span(buffer_).first(static_cast<std::size_t>(size));
  if (!is_for(message, pending.id)) return true;  // a guess at our question from elsewhere
  take_answer(pending, {message.begin(), message.end()});
  return false;
}

bool DnsExchange::read_stream_answer(Pending& pending) {
  buffer_.resize(largest_message);
  const std::size_t known = pending.bytes.size();
  const std::size_t whole =
      known < length_size
          ? length_size
          : length_size + (std::to_integer<std::size_t>(pending.bytes[0]) << 8U | std::to_integer<std::size_t>(pending.bytes[1]));
  if (known < whole) {
    const ssize_t size = ::read(pending.resolver.get(), buffer_.data(), std::min(whole - known, buffer_.size()));
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (size <= 0) {
      answer(pending.client, pending.question, write_empty_answer(pending.question, ResponseCode::server_failure));
      return false;
    }
    pending.bytes.insert(pending.bytes.end(), buffer_.begin(), buffer_.begin() + size);
  }
  if (pending.bytes.size() < whole || known < length_size) return true;
  take_answer(pending, {pending.bytes.begin() + length_size, pending.bytes.end()});
  return false;
}

/// What the workload is going to read is known first.
void DnsExchange::take_answer(Pending& pending, std::vector<std::byte> message) {
  const std::optional<Answer> read = names::take_answer(message, pending.question, pending.id);
  if (read) {
    names_.tell(pending.question, *read);
  } else {
    message = write_empty_answer(pending.question, ResponseCode::server_failure);
  }
  answer(pending.client, pending.question, std::move(message));
}

}  // namespace warder::supervisor::names
