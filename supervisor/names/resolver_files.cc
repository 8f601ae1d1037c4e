#include "supervisor/names/resolver_files.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "linux/procfs.h"

namespace warder::supervisor::names {
namespace {

std::optional<HostAddress> parse_address(std::string_view word) {
  const std::string text(word);
  HostAddress address;
  if (::inet_pton(AF_INET, text.c_str(), address.bytes.data()) == 1) return address;
  address.ipv6 = true;
  if (::inet_pton(AF_INET6, text.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

std::string host_name(std::string_view word) {
  while (word.ends_with('.')) word.remove_suffix(1);
  while (word.starts_with('.')) word.remove_prefix(1);
  std::string name(word);
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return name;
}

}  // namespace

ResolverConfiguration parse_resolv_conf(std::string_view text) {
  ResolverConfiguration read;
  for (std::string_view line; kernel::next_line(text, line);) {
    const std::string_view keyword = kernel::next_word(line);
    if (keyword == "nameserver" && read.servers.size() < ResolverConfiguration::max_servers) {
      if (const auto address = parse_address(kernel::next_word(line))) read.servers.push_back(*address);
    } else if (keyword == "search" || keyword == "domain") {
      read.searched.clear();
      for (auto word = kernel::next_word(line); !word.empty(); word = kernel::next_word(line)) {
        const std::string name = host_name(word);
        if (!name.empty() && read.searched.size() < ResolverConfiguration::max_searched) read.searched.push_back(name);
      }
    }
  }
  if (read.servers.empty()) read.servers = {*parse_address("127.0.0.1"), *parse_address("::1")};
  return read;
}

std::vector<std::pair<HostAddress, std::string>> parse_hosts(std::string_view text) {
  std::vector<std::pair<HostAddress, std::string>> hosts;
  for (std::string_view line; kernel::next_line(text, line);) {
    line = line.substr(0, line.find('#'));
    const auto address = parse_address(kernel::next_word(line));
    if (!address) continue;
    for (auto word = kernel::next_word(line); !word.empty(); word = kernel::next_word(line)) {
      hosts.emplace_back(*address, host_name(word));
    }
  }
  return hosts;
}

}  // namespace warder::supervisor::names
