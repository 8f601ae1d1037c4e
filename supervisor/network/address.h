// A socket address as a caller wrote it, and what it means. Pure: no system calls; works on copies only.
//
// The same far end has many spellings: IPv4-mapped IPv6, 0.0.0.0 and :: for this host, AF_UNSPEC where the kernel takes it for
// AF_INET. Each becomes the one Endpoint that the kernel would reach, and where a spelling depends on more than the address
// (which local address 0.0.0.0 means), it is rewritten so that the kernel reaches what was judged.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/core/address.h"
#include "supervisor/outcome.h"

namespace warder::supervisor::network {

/// What a socket is; none of it can be changed after socket(2), but for IPV6_ADDRFORM from inet6 to inet.
struct SocketKind {
  int domain = AF_UNSPEC;
  int type = 0;
  [[nodiscard]] bool stream() const { return type == SOCK_STREAM; }
  /// Has one peer, by a connection that both ends know of.
  [[nodiscard]] bool connects() const { return type == SOCK_STREAM || type == SOCK_SEQPACKET; }
};

/// What the address is to be used for.
enum class Purpose : std::uint8_t { connect, send, bind };

/// A copied address. `size` is what the caller said, at most sizeof storage, as for the kernel.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] sa_family_t family() const { return size < sizeof(sa_family_t) ? AF_UNSPEC : storage.ss_family; }
  /// Of a UNIX socket: sun_path from its NUL on. Empty where it is none.
  [[nodiscard]] std::string_view abstract_name() const;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// How an address is to be treated.
struct Meaning {
  enum class Kind : std::uint8_t {
    none,           ///< names nobody: connect or send to AF_UNSPEC, which dissolves or uses the peer that there is
    internet,       ///< `endpoint` is complete
    unix_path,      ///< `text` is the path as written
    unix_abstract,  ///< `endpoint.name` is the name, a view into the address
    unix_autobind,  ///< bind without a name: the kernel picks an abstract one
    other,          ///< another family; `endpoint.family` decides
  };
  Kind kind = Kind::none;
  policy::Endpoint endpoint;
  std::string_view text;
};

/// Says what `address` means for a socket of this kind, and rewrites it where needed. EINVAL, EAFNOSUPPORT as the kernel would.
Outcome<Meaning> understand(SocketAddress& address, const SocketKind& kind, Purpose purpose);

/// As a profile would write it: "tcp 10.0.0.1:80", "udp [::1]:53", "unix /run/x", "abstract name", "other 17".
[[nodiscard]] std::string address_text(const policy::Endpoint& endpoint);

}  // namespace warder::supervisor::network
