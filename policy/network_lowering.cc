#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/call_draft.h"
#include "policy/groups.h"
#include "policy/network_coverage.h"

namespace warder::policy {
namespace {

using Kind = ArgumentTest::Kind;

void hand_over(CallDraft& draft, std::string_view name, std::vector<ArgumentTest> tests, std::string when,
               std::string_view section, const Source& source) {
  const int number = *syscall_number(name);
  if (draft.is_settled(number) || draft.is_handed_over(number)) return;  // for `paths`
  draft.add(number, std::move(tests), FilterAction::notify);
  draft.report(number, FilterAction::notify, 0, std::move(when), "network: " + std::string(section), source);
}

// What the programs of a cgroup do not see: messages over ping sockets, and connections of UDP-Lite and, before some
// kernels, of multipath TCP.
void refuse_unguarded_protocols(CallDraft& draft) {
  const int number = *syscall_number("socket");
  if (draft.is_settled(number)) return;
  constexpr std::uint64_t multipath_tcp = 262, udp_lite = 136, ping = 1, ping6 = 58;
  for (const auto protocol : {multipath_tcp, udp_lite, ping, ping6}) {
    draft.add(number, {{2, Kind::equal, mask_of_int, protocol, false}}, FilterAction::error, EPROTONOSUPPORT);
  }
  draft.report(number, FilterAction::error, EPROTONOSUPPORT, "of multipath TCP, UDP-Lite or ping",
               "network: connect, enforced in the cgroup", draft.chain.back()->network.connect_source);
}

/// A stream that sends its first data with MSG_FASTOPEN connects without connect(2).
void hand_over_connecting_sends(CallDraft& draft, const Source& source) {
  for (const auto& [name, flags] : {std::pair("sendto", 3U), std::pair("sendmsg", 2U), std::pair("sendmmsg", 3U)}) {
    hand_over(draft, name, {{flags, Kind::any_bit, MSG_FASTOPEN, 0, false}}, "with MSG_FASTOPEN", "connect", source);
  }
}

/// Who connects and listens by the supervisor is the supervisor, for the kernel: it tells who it was instead.
void hand_over_peer_credentials(CallDraft& draft, const Source& source) {
  const int number = *syscall_number("getsockopt");
  const auto is_there = [&](const FilterRule& rule) { return rule.number == number && rule.action == FilterAction::notify; };
  if (std::ranges::any_of(draft.lowered.rules, is_there)) return;
  const ArgumentTest of_sockets{1, Kind::equal, mask_of_int, SOL_SOCKET, false};
  hand_over(draft, "getsockopt", {of_sockets, {2, Kind::equal, mask_of_int, SO_PEERCRED, false}}, "of SO_PEERCRED",
            "connect, bind", source);
}

}  // namespace

void lower_families(CallDraft& draft) {
  std::optional<std::vector<int>> common;
  bool refused_in_bpf = true;
  const Source* source = nullptr;
  for (const auto* profile : draft.chain) {
    if (!profile->network.families) continue;
    if (!enforces(*profile) || profile->audit != Audit::cheap) refused_in_bpf = false;
    source = &profile->network.families_source;
    if (!common) {
      common = profile->network.families;
      continue;
    }
    std::erase_if(*common, [&](int family) {
      return std::ranges::find(*profile->network.families, family) == profile->network.families->end();
    });
  }
  if (draft.live) {
    const auto* profile = *std::ranges::find_if(draft.chain, &Profile::live);
    for (const auto name : {std::string_view("socket"), std::string_view("socketpair")}) {
      const int number = *syscall_number(name);
      if (draft.is_settled(number)) continue;
      draft.add(number, {}, FilterAction::notify);
      draft.report(number, FilterAction::notify, EAFNOSUPPORT, "", "live: true", profile->network.families_source);
    }
    return;
  }
  if (!common) return;
  for (const auto name : {std::string_view("socket"), std::string_view("socketpair")}) {
    const int number = *syscall_number(name);
    if (draft.is_settled(number)) continue;
    std::vector<ArgumentTest> others;
    for (const int family : *common) {
      others.push_back({0, Kind::not_equal, mask_of_int, static_cast<std::uint64_t>(family), false});
    }
    const FilterAction action = refused_in_bpf ? FilterAction::error : FilterAction::notify;
    draft.add(number, std::move(others), action, EAFNOSUPPORT);
    draft.report(number, action, EAFNOSUPPORT, "of a family that is not listed", "network: families", *source);
  }
}

void lower_addresses(CallDraft& draft, const GuardableSections& guarded) {
  if (guarded.connect) refuse_unguarded_protocols(draft);
  for (const auto* profile : draft.chain) {
    const Network& network = profile->network;
    const bool learning = learns(*profile) || profile->live;
    if ((network.connect || learning) && !guarded.connect) {
      hand_over(draft, "connect", {}, "", "connect", network.connect_source);
      const bool datagrams = learning || names_hosts(*profile) ||
                             !(gives_all_addresses(*network.connect, Transport::udp) &&
                               gives_all_addresses(*network.connect, Transport::unix_path) &&
                               gives_all_addresses(*network.connect, Transport::unix_abstract));
      if (datagrams) {
        hand_over(draft, "sendto", {{4, Kind::not_equal, ~0ULL, 0, true}}, "to an address", "connect", network.connect_source);
        hand_over(draft, "sendmsg", {}, "", "connect", network.connect_source);
        hand_over(draft, "sendmmsg", {}, "", "connect", network.connect_source);
      } else {
        hand_over_connecting_sends(draft, network.connect_source);
      }
      hand_over_peer_credentials(draft, network.connect_source);
    }
    // Nobody may stand where the resolver of the container is asked.
    if (!network.bind && !learning && names_hosts(*profile)) hand_over(draft, "bind", {}, "", "connect", network.connect_source);
    if (network.bind || learning) {
      if (!guarded.bind) hand_over(draft, "bind", {}, "", "bind", network.bind_source);
      hand_over(draft, "listen", {}, "", "bind", network.bind_source);
      hand_over_peer_credentials(draft, network.bind_source);
    }
  }
}

}  // namespace warder::policy
