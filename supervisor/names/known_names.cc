#include "supervisor/names/known_names.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "linux/fd.h"

namespace warder::supervisor::names {
namespace {

constexpr std::uint16_t dns_port = 53;

std::int64_t monotonic_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

bool all_zero(const std::array<std::uint8_t, 16>& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

/// An address that a socket of this network namespace can have.
bool is_local(const HostAddress& address) {
  const Fd socket(::socket(address.ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return false;
  sockaddr_in inet{};
  sockaddr_in6 inet6{};
  inet.sin_family = AF_INET;
  inet6.sin6_family = AF_INET6;
  std::memcpy(&inet.sin_addr, address.bytes.data(), sizeof inet.sin_addr);
  std::memcpy(&inet6.sin6_addr, address.bytes.data(), sizeof inet6.sin6_addr);
  const auto* generic = address.ipv6 ? reinterpret_cast<const sockaddr*>(&inet6) : reinterpret_cast<const sockaddr*>(&inet);
  return ::bind(socket.get(), generic, address.ipv6 ? sizeof inet6 : sizeof inet) == 0;
}

bool is_internet(const policy::Endpoint& endpoint) {
  return endpoint.transport == policy::Transport::tcp || endpoint.transport == policy::Transport::udp;
}

}  // namespace

HostAddress host_address(const policy::Endpoint& endpoint) { return {endpoint.ipv6, endpoint.address}; }

Hosts::Hosts(std::vector<std::string> names, std::string last) : names_(std::move(names)), last_(std::move(last)) {
  views_.assign(names_.begin(), names_.end());
}

void KnownNames::take_files(std::string_view resolv_conf, std::string_view hosts) {
  configuration_ = parse_resolv_conf(resolv_conf);
  for (const HostAddress& server : configuration_.servers) {
    if (is_local(server)) local_.push_back(server);
  }
  for (const auto& [address, name] : parse_hosts(hosts)) told_.tell_for_good(address, name);
  ready_ = true;
}

bool KnownNames::is_server(const HostAddress& address) const {
  return ready_ && std::ranges::find(configuration_.servers, address) != configuration_.servers.end();
}

bool KnownNames::is_resolver(const policy::Endpoint& endpoint) const {
  return endpoint.port == dns_port && is_internet(endpoint) && is_server(host_address(endpoint));
}

bool KnownNames::takes_place_of_resolver(const policy::Endpoint& endpoint) const {
  if (!ready_ || endpoint.port != dns_port || !is_internet(endpoint)) return false;
  return std::ranges::any_of(
      local_, [&](const HostAddress& server) { return all_zero(endpoint.address) || server == host_address(endpoint); });
}

void KnownNames::add_without_domain(std::string_view name, std::vector<std::string>& names) const {
  for (const std::string& domain : configuration_.searched) {
    if (name.size() <= domain.size() + 1 || !name.ends_with(domain)) continue;
    const std::string_view rest = name.substr(0, name.size() - domain.size());
    if (rest.ends_with('.')) names.emplace_back(rest.substr(0, rest.size() - 1));
  }
}

std::vector<std::string> KnownNames::meanings(std::string_view name, std::int64_t now) const {
  std::vector<std::string> names{std::string(name)};
  if (!ready_) return names;
  add_without_domain(name, names);
  if (const std::string original = told_.name_of_alias(name, now); !original.empty()) {
    names.push_back(original);
    add_without_domain(original, names);
  }
  return names;
}

Hosts KnownNames::hosts_of(const HostAddress& address) const {
  std::string last;
  const std::int64_t now = monotonic_seconds();
  std::vector<std::string> names;
  for (const std::string& name : told_.names_of(address, now, last)) {
    for (std::string& meaning : meanings(name, now)) names.push_back(std::move(meaning));
  }
  return {std::move(names), std::move(last)};
}

policy::Verdict KnownNames::judge(std::string_view name, policy::Endpoint endpoint) const {
  const Hosts hosts(meanings(name, monotonic_seconds()), {});
  endpoint.hosts = hosts.views();
  return policy_.question(endpoint);
}

void KnownNames::tell(const Question& question, const Answer& answer) {
  const std::int64_t now = monotonic_seconds();
  const std::string original = told_.name_of_alias(question.name, now);
  const std::string_view name = original.empty() ? std::string_view(question.name) : original;
  for (const ToldAddress& told : answer.addresses) {
    const HostAddress address{told.ipv6, told.address};
    if (!is_special(address)) told_.tell(address, name, now, told.seconds);
  }
  for (const std::string& alias : answer.aliases) told_.tell_alias(alias, name, now);
}

}  // namespace warder::supervisor::names
