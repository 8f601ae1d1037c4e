// Lines of `network.connect` and `network.bind`, and single addresses: text to values. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "policy/profile.h"

namespace warder::policy {

/// The rules of one line, source and override left to the caller:
///   tcp|udp HOST[:PORTS]   HOST: `*`, an IPv4 address, [IPv6], either with /BITS, or a DNS name
///                          PORTS: `*`, N, N-M, or several with commas (one rule each); none: all
///   unix PATTERN           of the canonical path of the socket
///   abstract PATTERN       of the name without the leading NUL
/// A leading `!` denies. The error says what is accepted.
[[nodiscard]] Result<std::vector<AddressRule>> parse_address_rule(std::string_view text);

/// One concrete far end: `tcp 10.0.0.1:80`, `udp [::1]:53`, `unix /run/x.sock`, `abstract NAME`. Endpoint::name views into
/// `text`. `tcp packages.example.org:443` stands for an address that only the name gives: `host` is the name, lower case, for
/// Endpoint::hosts.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text, std::string& host);

/// The address of a rule without its prefix: "10.0.0.0", "[fd00::]".
[[nodiscard]] std::string address_text(const AddressRule& rule);

/// The AF_* that a word of `families` names ("inet", "netlink", …).
[[nodiscard]] Result<int> parse_family(std::string_view word);
/// "inet", or the number where it has no word.
[[nodiscard]] std::string family_name(int family);

}  // namespace warder::policy
