// The far end of a network operation, as a profile sees it. Pure values, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace warder::policy {

enum class Transport : std::uint8_t { tcp, udp, unix_path, unix_abstract, other };

/// One address of a connect, bind, listen or send. An IPv4-mapped IPv6 address is stored as the IPv4 address that it reaches.
struct Endpoint {
  Transport transport = Transport::other;
  int family = 0;  ///< AF_* of the socket; decides for Transport::other
  bool ipv6 = false;
  std::array<std::uint8_t, 16> address{};  ///< network order; the first 4 bytes for IPv4
  std::uint16_t port = 0;                  ///< host order
  std::string_view name;                   ///< canonical path, or abstract name without the leading NUL; owned by the caller
  /// DNS names that this address was told for, or that a question to it is about; lower case; owned by the caller.
  std::span<const std::string_view> hosts = {};
};

}  // namespace warder::policy
