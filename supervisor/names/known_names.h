// What PID 1 knows about names: the container's resolvers and search domains, and which address was told for which name. Workers,
// the main thread and the thread that answers DNS questions.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/core/compiled.h"
#include "supervisor/names/dns_message.h"
#include "supervisor/names/resolver_files.h"
#include "supervisor/names/told_addresses.h"

namespace warder::supervisor::names {

/// The address of an internet endpoint.
[[nodiscard]] HostAddress host_address(const policy::Endpoint& endpoint);

/// Names that an endpoint has, in the form that policy asks for. Holds the texts that the views are about.
class Hosts {
 public:
  Hosts(std::vector<std::string> names, std::string last);
  Hosts(const Hosts&) = delete;
  Hosts& operator=(const Hosts&) = delete;
  [[nodiscard]] std::span<const std::string_view> views() const { return views_; }
  /// The name that the address was told for last, even if that is over; empty: never.
  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;
  std::string last_;
};

class KnownNames {
 public:
  explicit KnownNames(const policy::Compiled& policy) : policy_(policy) {}
  KnownNames(const KnownNames&) = delete;
  KnownNames& operator=(const KnownNames&) = delete;

  /// Takes the texts of the engine's resolv.conf and hosts. Once, before the workload runs; until then there are no resolvers. In
  /// the container's network namespace.
  void take_files(std::string_view resolv_conf, std::string_view hosts);

  /// Is this a resolver of the container, asked by TCP or UDP at port 53?
  [[nodiscard]] bool is_resolver(const policy::Endpoint& endpoint) const;
  [[nodiscard]] bool is_server(const HostAddress& address) const;
  /// Would a socket that is bound there get what is meant for the container's resolver?
  [[nodiscard]] bool takes_place_of_resolver(const policy::Endpoint& endpoint) const;

  /// The names of an address now.
  [[nodiscard]] Hosts hosts_of(const HostAddress& address) const;
  /// May `server` be asked about the name? `hosts` of `endpoint` are filled in by this.
  [[nodiscard]] policy::Verdict judge(std::string_view name, policy::Endpoint endpoint) const;
  /// From now on the workload knows this answer.
  void tell(const Question& question, const Answer& answer);

 private:
  /// The name itself, without each search domain that it ends in, and what it is an alias of.
  [[nodiscard]] std::vector<std::string> meanings(std::string_view name, std::int64_t now) const;
  void add_without_domain(std::string_view name, std::vector<std::string>& names) const;

  const policy::Compiled& policy_;
  ResolverConfiguration configuration_;  ///< not changed once ready_
  std::vector<HostAddress> local_;       ///< servers that are addresses of this network namespace
  std::atomic<bool> ready_{false};
  ToldAddresses told_;
};

}  // namespace warder::supervisor::names
