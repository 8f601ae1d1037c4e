#include "supervisor/network/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace warder::supervisor::network {
namespace {

using policy::Endpoint;
using policy::Transport;

constexpr socklen_t smallest_inet6 = 24;  // SIN6_LEN_RFC2133: sin6_scope_id may be missing
constexpr std::array<std::uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Transport transport_of(const SocketKind& kind) {
  if (kind.type == SOCK_STREAM) return Transport::tcp;
  if (kind.type == SOCK_DGRAM) return Transport::udp;  // UDP, UDP-Lite and ping
  return Transport::other;
}

bool all_zero(const std::uint8_t* bytes, std::size_t size) {
  return std::all_of(bytes, bytes + size, [](std::uint8_t byte) { return byte == 0; });
}

Meaning internet(const SocketKind& kind, bool ipv6, const std::uint8_t* bytes, in_port_t port) {
  Meaning meaning;
  meaning.kind = Meaning::Kind::internet;
  Endpoint& endpoint = meaning.endpoint;
  endpoint.transport = transport_of(kind);
  endpoint.family = kind.domain;
  endpoint.ipv6 = ipv6;
  std::memcpy(endpoint.address.data(), bytes, ipv6 ? 16 : 4);
  endpoint.port = ntohs(port);
  return meaning;
}

/// 0.0.0.0 as a far end is this host: which of its addresses depends on routes and on the socket. It becomes 127.0.0.1.
Meaning understand_inet(SocketAddress& address, const SocketKind& kind, Purpose purpose) {
  auto& inet = reinterpret_cast<sockaddr_in&>(address.storage);
  if (purpose != Purpose::bind && inet.sin_addr.s_addr == INADDR_ANY) inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return internet(kind, false, reinterpret_cast<const std::uint8_t*>(&inet.sin_addr), inet.sin_port);
}

Meaning understand_inet6(SocketAddress& address, const SocketKind& kind, Purpose purpose) {
  auto& inet = reinterpret_cast<sockaddr_in6&>(address.storage);
  std::uint8_t* bytes = inet.sin6_addr.s6_addr;
  if (std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes)) {
    std::uint8_t* last = bytes + mapped_prefix.size();
    if (purpose != Purpose::bind && all_zero(last, 4)) last[0] = 127, last[3] = 1;
    return internet(kind, false, last, inet.sin6_port);
  }
  if (purpose != Purpose::bind && all_zero(bytes, 16)) bytes[15] = 1;
  return internet(kind, true, bytes, inet.sin6_port);
}

Outcome<Meaning> understand_unix(const SocketAddress& address, Purpose purpose) {
  constexpr socklen_t path_offset = offsetof(sockaddr_un, sun_path);
  Meaning meaning;
  meaning.endpoint.family = AF_UNIX;
  if (address.size > sizeof(sockaddr_un)) return Errno{EINVAL};
  if (address.size <= path_offset) {
    if (purpose != Purpose::bind) return Errno{EINVAL};
    meaning.kind = Meaning::Kind::unix_autobind;
    return meaning;
  }
  const char* path = reinterpret_cast<const sockaddr_un&>(address.storage).sun_path;
  const std::size_t size = address.size - path_offset;
  if (path[0] == '\0') {
    meaning.kind = Meaning::Kind::unix_abstract;
    meaning.endpoint.transport = Transport::unix_abstract;
    meaning.endpoint.name = {path + 1, size - 1};
    return meaning;
  }
  meaning.kind = Meaning::Kind::unix_path;
  meaning.endpoint.transport = Transport::unix_path;
  meaning.text = {path, ::strnlen(path, size)};
  return meaning;
}

bool internet_domain(int domain) { return domain == AF_INET || domain == AF_INET6; }

/// AF_UNSPEC dissolves (connect), or means AF_INET to IPv4 datagrams and to bind of 0.0.0.0, or is no address (IPv6 datagrams).
Outcome<Meaning> understand_unspecified(SocketAddress& address, const SocketKind& kind, Purpose purpose) {
  const bool inet_sized = address.size >= sizeof(sockaddr_in);
  if (purpose == Purpose::connect) return Meaning{};
  if (purpose == Purpose::send && kind.domain == AF_INET6) return Meaning{};
  if (internet_domain(kind.domain) && inet_sized) return understand_inet(address, kind, purpose);
  return Errno{purpose == Purpose::bind && internet_domain(kind.domain) ? EINVAL : EAFNOSUPPORT};
}

}  // namespace

std::string_view SocketAddress::abstract_name() const {
  constexpr socklen_t path_offset = offsetof(sockaddr_un, sun_path);
  if (family() != AF_UNIX || size <= path_offset || size > sizeof(sockaddr_un)) return {};
  const char* path = reinterpret_cast<const sockaddr_un&>(storage).sun_path;
  return path[0] == '\0' ? std::string_view(path, size - path_offset) : std::string_view();
}

Outcome<Meaning> understand(SocketAddress& address, const SocketKind& kind, Purpose purpose) {
  if (kind.domain == AF_UNIX && (address.family() == AF_UNIX)) return understand_unix(address, purpose);
  if (internet_domain(kind.domain)) {
    switch (address.family()) {
      case AF_UNSPEC:
        if (address.size < sizeof(sa_family_t)) return Errno{EINVAL};
        return understand_unspecified(address, kind, purpose);
      case AF_INET:
        if (address.size < sizeof(sockaddr_in)) return Errno{EINVAL};
        return understand_inet(address, kind, purpose);
      case AF_INET6:
        // An IPv4 socket knows no such address.
        if (kind.domain == AF_INET) return Errno{EAFNOSUPPORT};
        if (address.size < smallest_inet6) return Errno{EINVAL};
        return understand_inet6(address, kind, purpose);
      default:
        return Errno{EAFNOSUPPORT};
    }
  }
  if (kind.domain == AF_UNIX) {
    if (address.size < sizeof(sa_family_t)) return Errno{EINVAL};
    if (address.family() == AF_UNSPEC && purpose == Purpose::connect && !kind.stream()) return Meaning{};
    return Errno{EINVAL};
  }
  Meaning meaning;
  meaning.kind = Meaning::Kind::other;
  meaning.endpoint.family = kind.domain;
  return meaning;
}

std::string address_text(const Endpoint& endpoint) {
  switch (endpoint.transport) {
    case Transport::unix_path:
      return std::string("unix ").append(endpoint.name);
    case Transport::unix_abstract:
      return std::string("abstract ").append(endpoint.name);
    case Transport::other:
      return "other " + std::to_string(endpoint.family);
    case Transport::tcp:
    case Transport::udp:
      break;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(endpoint.ipv6 ? AF_INET6 : AF_INET, endpoint.address.data(), text.data(), text.size());
  std::string result = endpoint.transport == Transport::tcp ? "tcp " : "udp ";
  if (endpoint.ipv6) {
    result.append("[").append(text.data()).append("]");
  } else {
    result += text.data();
  }
  return result.append(":").append(std::to_string(endpoint.port));
}

}  // namespace warder::supervisor::network
