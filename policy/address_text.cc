#include "policy/address_text.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "policy/pattern.h"
#include "policy/spelling.h"

namespace warder::policy {
namespace {

constexpr std::array<std::string_view, 4> transports = {"tcp", "udp", "unix", "abstract"};
constexpr std::string_view accepted_host =
    "accepted: '*', 10.0.0.1, 10.0.0.0/8, [2001:db8::1], [2001:db8::]/32 or a DNS name, each with ':PORT'";

struct Family {
  std::string_view word;
  int number;
};
constexpr std::array<Family, 19> families = {{{"unix", AF_UNIX},
                                              {"inet", AF_INET},
                                              {"inet6", AF_INET6},
                                              {"netlink", AF_NETLINK},
                                              {"packet", AF_PACKET},
                                              {"vsock", AF_VSOCK},
                                              {"alg", AF_ALG},
                                              {"can", AF_CAN},
                                              {"bluetooth", AF_BLUETOOTH},
                                              {"key", AF_KEY},
                                              {"rds", AF_RDS},
                                              {"tipc", AF_TIPC},
                                              {"xdp", AF_XDP},
                                              {"smc", AF_SMC},
                                              {"kcm", AF_KCM},
                                              {"qipcrtr", AF_QIPCRTR},
                                              {"ax25", AF_AX25},
                                              {"appletalk", AF_APPLETALK},
                                              {"ieee802154", AF_IEEE802154}}};

std::optional<unsigned> number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

Error bad(std::string_view text, std::string_view why) {
  return Error::user("address '" + std::string(text) + "' " + std::string(why));
}

struct Split {
  Transport transport = Transport::tcp;
  std::string_view rest;
};

Result<Split> split_transport(std::string_view text) {
  const std::size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  if (std::find(transports.begin(), transports.end(), word) == transports.end()) {
    return bad(text, "begins with an " + unknown_word("transport", word, transports));
  }
  if (space == std::string_view::npos || space + 1 == text.size()) {
    return bad(text, "names no far end; accepted: 'tcp HOST:PORT', 'udp HOST:PORT', 'unix /PATH', 'abstract NAME'");
  }
  Split split;
  split.rest = text.substr(space + 1);
  if (split.rest.front() == ' ' || split.rest.back() == ' ') return bad(text, "has more than one space; write 'tcp HOST:PORT'");
  split.transport = word == "tcp"    ? Transport::tcp
                    : word == "udp"  ? Transport::udp
                    : word == "unix" ? Transport::unix_path
                                     : Transport::unix_abstract;
  return split;
}

/// HOST and PORTS of "HOST[:PORTS]"; the brackets of an IPv6 address removed, its /BITS kept.
struct HostPorts {
  std::string host;
  std::optional<std::string_view> ports;
  bool bracketed = false;
};

std::optional<HostPorts> split_ports(std::string_view text) {
  HostPorts split;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    split.bracketed = true;
    split.host = text.substr(1, end - 1);
    std::string_view tail = text.substr(end + 1);
    if (tail.starts_with('/')) {
      const std::size_t colon = std::min(tail.find(':'), tail.size());
      split.host += tail.substr(0, colon);
      tail = tail.substr(colon);
    }
    if (tail.empty()) return split;
    if (tail[0] != ':') return std::nullopt;
    split.ports = tail.substr(1);
    return split;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    split.host = text;  // no port, or a bare IPv6 address
    return split;
  }
  split.host = text.substr(0, colon);
  split.ports = text.substr(colon + 1);
  return split;
}

bool dns_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  bool letter = false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const char c = host[i];
    const bool alphabetic = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == '.') {
      if (label == 0 || host[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    if (!alphabetic && !(c >= '0' && c <= '9') && c != '_' && !(c == '-' && label > 0)) return false;
    letter = letter || alphabetic;
    if (++label > 63) return false;
  }
  return letter && label > 0 && host.back() != '-';
}

void clear_behind_prefix(AddressRule& rule) {
  for (unsigned bit = rule.prefix; bit < 128; ++bit) rule.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
}

/// Fills address and prefix from "ADDRESS[/BITS]". False where it is no such address; `why` where its prefix is wrong.
bool parse_network(const std::string& host, AddressRule& rule, std::string& why) {
  const std::size_t slash = host.find('/');
  const std::string address = host.substr(0, slash);
  if (inet_pton(AF_INET, address.c_str(), rule.address.data()) == 1) {
    rule.prefix = 32;
  } else if (inet_pton(AF_INET6, address.c_str(), rule.address.data()) == 1) {
    rule.ipv6 = true;
    rule.prefix = 128;
  } else {
    return false;
  }
  if (slash != std::string::npos) {
    const auto bits = number(std::string_view(host).substr(slash + 1), rule.prefix);
    if (!bits) {
      why = "has a prefix that is no number from 0 to " + std::to_string(rule.prefix);
      return true;
    }
    rule.prefix = static_cast<std::uint8_t>(*bits);
  }
  const auto written = rule.address;
  clear_behind_prefix(rule);
  if (written != rule.address) why = "has bits set behind its prefix /" + std::to_string(rule.prefix) + "; clear them";
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (rule.ipv6 && rule.prefix >= 96 && std::equal(mapped.begin(), mapped.end(), rule.address.begin())) {
    std::copy(rule.address.begin() + 12, rule.address.end(), rule.address.begin());
    rule.ipv6 = false;
    rule.prefix = static_cast<std::uint8_t>(rule.prefix - 96);
    std::fill(rule.address.begin() + 4, rule.address.end(), 0);
  }
  return true;
}

bool parse_ports(std::string_view text, std::uint16_t& low, std::uint16_t& high) {
  if (text == "*") {
    low = 0;
    high = 65535;
    return true;
  }
  const std::size_t dash = text.find('-');
  const auto first = number(text.substr(0, dash), 65535);
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1), 65535);
  if (!first || !last || *first > *last) return false;
  low = static_cast<std::uint16_t>(*first);
  high = static_cast<std::uint16_t>(*last);
  return true;
}

Result<std::vector<AddressRule>> internet_rules(std::string_view text, std::string_view rest, AddressRule rule) {
  const auto split = split_ports(rest);
  if (!split) return bad(text, "has no well-formed [IPv6]; " + std::string(accepted_host));
  if (split->host == "*") {
    rule.any_address = true;
  } else {
    std::string why;
    const bool looks_numeric = split->bracketed || split->host.find_first_not_of("0123456789./") == std::string::npos ||
                               split->host.find(':') != std::string::npos;
    if (parse_network(split->host, rule, why)) {
      if (!why.empty()) return bad(text, why);
      if (split->bracketed && split->host.find(':') == std::string::npos) return bad(text, "has brackets around IPv4");
    } else if (looks_numeric || !dns_name(split->host)) {
      return bad(text, "has no valid host '" + split->host + "'; " + std::string(accepted_host));
    } else {
      rule.name = split->host;
      std::transform(rule.name.begin(), rule.name.end(), rule.name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    }
  }
  std::vector<AddressRule> rules;
  if (!split->ports) return std::vector<AddressRule>{rule};
  std::string_view ports = *split->ports;
  while (true) {
    const std::size_t comma = ports.find(',');
    if (!parse_ports(ports.substr(0, comma), rule.port_low, rule.port_high)) {
      return bad(text, "has no valid port; accepted: '*', a number up to 65535, a range 8000-8099, several with commas");
    }
    rules.push_back(rule);
    if (comma == std::string_view::npos) return rules;
    ports = ports.substr(comma + 1);
  }
}

}  // namespace

Result<std::vector<AddressRule>> parse_address_rule(std::string_view text) {
  AddressRule rule;
  rule.text = text;
  std::string_view body = text;
  if (body.starts_with('!')) {
    rule.allow = false;
    body.remove_prefix(1);
  }
  const auto split = split_transport(body);
  if (!split) return split.error();
  rule.transport = split->transport;
  if (rule.transport == Transport::tcp || rule.transport == Transport::udp) return internet_rules(text, split->rest, rule);
  rule.name = split->rest;
  const bool is_path = rule.transport == Transport::unix_path;
  if (const auto fault = is_path ? path_pattern_fault(rule.name) : name_pattern_fault(rule.name)) {
    return bad(text, std::string(is_path ? "has a path that " : "has a name that ") + *fault);
  }
  return std::vector<AddressRule>{rule};
}

Result<Endpoint> parse_endpoint(std::string_view text, std::string& host) {
  const auto split = split_transport(text);
  if (!split) return split.error();
  Endpoint endpoint;
  endpoint.transport = split->transport;
  if (endpoint.transport == Transport::unix_path || endpoint.transport == Transport::unix_abstract) {
    endpoint.family = AF_UNIX;
    endpoint.name = split->rest;
    return endpoint;
  }
  const auto rules = internet_rules(text, split->rest, AddressRule{});
  if (!rules) return rules.error();
  const AddressRule& rule = rules->front();
  const bool one_port = rules->size() == 1 && rule.port_low == rule.port_high;
  const bool one_address = !rule.name.empty() || rule.prefix == (rule.ipv6 ? 128 : 32);
  if (rule.any_address || !one_address || !one_port) {
    return bad(text, "is no single far end; accepted: 'tcp 10.0.0.1:80', 'tcp [::1]:80' or 'tcp NAME:80'");
  }
  host = rule.name;
  endpoint.family = rule.ipv6 ? AF_INET6 : AF_INET;
  endpoint.ipv6 = rule.ipv6;
  endpoint.address = rule.address;
  endpoint.port = rule.port_low;
  return endpoint;
}

std::string address_text(const AddressRule& rule) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(rule.ipv6 ? AF_INET6 : AF_INET, rule.address.data(), text.data(), text.size());
  return rule.ipv6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
}

Result<int> parse_family(std::string_view word) {
  std::vector<std::string_view> words;
  for (const auto& family : families) {
    if (family.word == word) return family.number;
    words.push_back(family.word);
  }
  return Error::user(unknown_word("address family", word, words));
}

std::string family_name(int family) {
  for (const auto& one : families) {
    if (one.number == family) return std::string(one.word);
  }
  return std::to_string(family);
}

}  // namespace warder::policy
