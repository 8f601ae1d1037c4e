#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "policy/call_draft.h"
#include "policy/groups.h"
#include "policy/hardening.h"

namespace warder::policy {
namespace {

using Kind = ArgumentTest::Kind;

// Where addresses decide, a socket must be one whose peers are named by such an address: TCP, UDP, ping, UNIX, netlink.
void refuse_raw_transport(CallDraft& draft, std::size_t place, int number, int error) {
  constexpr std::uint64_t type_bits = 0xf;  // without SOCK_NONBLOCK and SOCK_CLOEXEC
  constexpr std::uint64_t tcp = 6, udp = 17, udp_lite = 136, multipath_tcp = 262;
  const auto not_equal = [](unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return ArgumentTest{argument, Kind::not_equal, mask, value, false};
  };
  for (const int family : {AF_INET, AF_INET6}) {
    const ArgumentTest is_family{0, Kind::equal, mask_of_int, static_cast<std::uint64_t>(family), false};
    draft.add(number, {is_family, not_equal(1, type_bits, SOCK_STREAM), not_equal(1, type_bits, SOCK_DGRAM)}, FilterAction::error,
              error);
    std::vector<ArgumentTest> other{is_family};
    const std::uint64_t ping = family == AF_INET ? 1 : 58;  // IPPROTO_ICMP, IPPROTO_ICMPV6
    for (const std::uint64_t known : {std::uint64_t{0}, tcp, udp, udp_lite, ping, multipath_tcp}) {
      other.push_back(not_equal(2, mask_of_int, known));
    }
    draft.add(number, std::move(other), FilterAction::error, error);
  }
  draft.report(number, FilterAction::error, error, "of another type or protocol than TCP, UDP, ping",
               "hardening: an address of `network` means nothing there", Source{});
  if (draft.chain[place]->network.families) return;
  draft.lowered.unaddressed[place] = 1;
  std::vector<ArgumentTest> other;
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    other.push_back(not_equal(0, mask_of_int, static_cast<std::uint64_t>(family)));
  }
  draft.add(number, std::move(other), FilterAction::error, EAFNOSUPPORT);
  draft.report(number, FilterAction::error, EAFNOSUPPORT, "of another family than unix, inet, inet6, netlink",
               "hardening: an address of `network` means nothing there", Source{});
}

void refuse_by_arguments(CallDraft& draft, std::size_t place, const HardeningRule& rule, int number) {
  const auto one = [&](std::string when, ArgumentTest test) {
    draft.add(number, {test}, FilterAction::error, rule.error);
    draft.report(number, FilterAction::error, rule.error, std::move(when), "hardening: " + std::string(rule.reason), Source{});
  };
  switch (rule.condition) {
    case HardeningCondition::any:
      return;
    case HardeningCondition::new_user_namespace: {
      const Profile& profile = *draft.chain[place];
      const FilterAction action = profile.audit == Audit::cheap ? FilterAction::error : FilterAction::notify;
      draft.lowered.refusals[place].push_back({number, rule.error, DenyAction::refuse, true, Source{}});
      draft.add(number, {{0, Kind::any_bit, CLONE_NEWUSER, 0, false}}, action, rule.error);
      draft.report(number, action, rule.error, "with CLONE_NEWUSER", "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::terminal_injection:
      one("TIOCSTI", {1, Kind::equal, mask_of_int, TIOCSTI, false});
      one("TIOCLINUX", {1, Kind::equal, mask_of_int, TIOCLINUX, false});
      one("TIOCSETD", {1, Kind::equal, mask_of_int, TIOCSETD, false});
      return;
    case HardeningCondition::executable_memfd: {
      constexpr std::uint64_t noexec_seal = 0x8;  // MFD_NOEXEC_SEAL, Linux 6.3
      const ArgumentTest unsealed{1, Kind::no_bit, noexec_seal, 0, false};
      // Where there is a supervisor anyway it makes one that cannot be executed.
      if (draft.chain[place]->audit == Audit::cheap) return one("without MFD_NOEXEC_SEAL", unsealed);
      draft.add(number, {unsealed}, FilterAction::notify);
      draft.report(number, FilterAction::notify, 0, "without MFD_NOEXEC_SEAL", "hardening: " + std::string(rule.reason),
                   Source{});
      return;
    }
    case HardeningCondition::undivided_family:
      draft.lowered.undivided[place] = 1;
      one("of AF_ALG", {0, Kind::equal, mask_of_int, AF_ALG, false});
      one("of AF_VSOCK", {0, Kind::equal, mask_of_int, AF_VSOCK, false});
      return;
    case HardeningCondition::peer_pidfd: {
      constexpr std::uint64_t pass_pidfd = 76, peer_pidfd = 77;  // Linux 6.5
      const bool get = rule.call == "getsockopt";
      draft.add(
          number,
          {{1, Kind::equal, mask_of_int, SOL_SOCKET, false}, {2, Kind::equal, mask_of_int, get ? peer_pidfd : pass_pidfd, false}},
          FilterAction::error, rule.error);
      draft.report(number, FilterAction::error, rule.error, get ? "of SO_PEERPIDFD" : "of SO_PASSPIDFD",
                   "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::source_route: {
      constexpr std::pair<int, int> options[] = {{IPPROTO_IP, IP_OPTIONS},
                                                 {IPPROTO_IPV6, IPV6_RTHDR},
                                                 {IPPROTO_IPV6, IPV6_2292RTHDR},
                                                 {IPPROTO_IPV6, IPV6_2292PKTOPTIONS}};
      for (const auto& [level, option] : options) {
        draft.add(number,
                  {{1, Kind::equal, mask_of_int, static_cast<std::uint64_t>(level), false},
                   {2, Kind::equal, mask_of_int, static_cast<std::uint64_t>(option), false}},
                  FilterAction::error, rule.error);
      }
      draft.report(number, FilterAction::error, rule.error, "of IP options and IPv6 routing headers",
                   "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::raw_transport:
      refuse_raw_transport(draft, place, number, rule.error);
  }
}

}  // namespace

void lower_hardening(CallDraft& draft) {
  for (const auto& rule : hardening_rules()) {
    const int number = syscall_number(rule.call).value_or(-1);
    if (rule.condition == HardeningCondition::any || draft.is_settled(number)) continue;
    for (std::size_t place = 0; place < draft.chain.size(); ++place) {
      const SyscallRule* said = last_rule_of(*draft.chain[place], number);
      if (!hardening_applies(rule, *draft.chain[place]) || (said != nullptr && said->allow)) continue;
      refuse_by_arguments(draft, place, rule, number);
    }
  }
}

}  // namespace warder::policy
