#include "policy/call_lowering.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "policy/core/inode_requests.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/network_coverage.h"
#include "policy/path_calls.h"

namespace warder::policy {
namespace {

using Kind = ArgumentTest::Kind;
constexpr std::uint64_t word = 0xffffffff;  ///< the mask of a 32-bit argument

/// What a profile says about the number as a whole.
enum class Word : std::uint8_t { nothing, allow, deny };

struct WholeCall {
  Word word = Word::nothing;
  const SyscallRule* rule = nullptr;
};

WholeCall whole_call(const Profile& profile, int number) {
  WholeCall found;
  for (const auto& rule : profile.syscalls) {
    if (std::ranges::find(rule.numbers, number) == rule.numbers.end()) continue;
    found = {rule.allow ? Word::allow : Word::deny, &rule};
  }
  return found;
}

/// Rare calls without a handler of their own, which `live: true` hands over for a later profile to deny. Not those that every
/// program makes all the time, nor those with which a process becomes the workload.
bool may_be_denied_later(int number) {
  static const std::vector<int> numbers = [] {
    std::vector<int> all;
    for (const char* group : {"@clock", "@cpu-emulation", "@debug", "@keyring", "@module", "@mount", "@obsolete", "@pkey",
                              "@raw-io", "@reboot", "@swap", "@io-uring", "@aio"}) {
      const auto some = syscalls_of(group);
      if (some) all.insert(all.end(), some->begin(), some->end());
    }
    for (const auto& call : path_calls()) std::erase(all, syscall_number(call.call).value_or(-1));
    return all;
  }();
  return std::ranges::find(numbers, number) != numbers.end();
}

/// How much of a call has to be looked at.
enum class Need : std::uint8_t { none, writing, always };

class Lowering {
 public:
  Lowering(const std::vector<const Profile*>& chain, const std::vector<EnforcedElsewhere>& elsewhere,
           const GuardableSections& guarded)
      : chain_(chain), elsewhere_(elsewhere), guarded_(guarded) {
    lowered_.refusals.resize(chain.size());
    lowered_.undivided.resize(chain.size());
    lowered_.unaddressed.resize(chain.size());
    for (const auto* profile : chain) {
      everywhere_.push_back(rights_everywhere(*profile));
      live_ = live_ || profile->live;
      hides_.push_back(profile->paths && std::ranges::any_of(*profile->paths, &PathEntry::hide));
    }
  }

  CallLowering run() {
    whole_calls();
    conditions();
    families();
    for (const auto& call : path_calls()) path_call(call);
    watches();
    device_requests();
    network();
    follow_roots();
    return std::move(lowered_);
  }

 private:
  static bool enforces(const Profile& profile) { return profile.mode == Mode::enforce; }
  static bool learns(const Profile& profile) { return profile.mode == Mode::learn; }

  void add(int number, std::vector<ArgumentTest> tests, FilterAction action, int error = 0) {
    if (action == FilterAction::notify) lowered_.needs_listener = true;
    lowered_.rules.push_back({number, std::move(tests), action, static_cast<std::uint16_t>(error)});
  }
  void report(int number, FilterAction action, int error, std::string when, std::string reason, const Source& source) {
    lowered_.reports.push_back({number, std::string(syscall_name(number)),
                                action == FilterAction::notify ? Enforcer::notify : Enforcer::bpf, std::move(when),
                                std::move(reason), action == FilterAction::error ? error : 0, source});
  }

  void whole_calls();
  bool deny_whole(std::size_t place, int number, bool settled);
  bool harden_whole(std::size_t place, int number, bool settled);
  void hand_over(int number);
  void conditions();
  void condition(std::size_t place, const HardeningRule& rule, int number);
  void raw_transport(std::size_t place, int number, int error);
  void families();
  [[nodiscard]] Need need(std::size_t place, const PathCall& call, Rights& missing) const;
  void path_call(const PathCall& call);
  void without_access(const PathCall& call, int number);
  void watches();
  void device_requests();
  void inode_requests_of(int number, const Profile& profile);
  void network();
  void follow_roots();
  void unguarded_protocols();
  void network_call(std::string_view name, std::vector<ArgumentTest> tests, std::string when, std::string_view section,
                    const Source& source);

  const std::vector<const Profile*>& chain_;
  const std::vector<EnforcedElsewhere>& elsewhere_;
  const GuardableSections& guarded_;
  std::vector<Rights> everywhere_;
  std::vector<bool> hides_;
  CallLowering lowered_;
  bool live_ = false;
  std::vector<int> settled_;  ///< numbers that are refused as a whole
};

// The first profile of the chain that refuses a number decides how; the others are asked by the supervisor where it decides.
void Lowering::whole_calls() {
  for (int number = 0; number <= newest_syscall; ++number) {
    bool settled = false;
    for (std::size_t place = 0; place < chain_.size(); ++place) {
      const WholeCall said = whole_call(*chain_[place], number);
      if (said.word == Word::deny) settled = deny_whole(place, number, settled) || settled;
      if (said.word == Word::nothing) settled = harden_whole(place, number, settled) || settled;
    }
    if (settled) settled_.push_back(number);
    if (!settled && live_ && may_be_denied_later(number)) hand_over(number);
  }
}

/// Nobody refuses it yet: the supervisor is asked so that a later profile may.
void Lowering::hand_over(int number) {
  const auto live = std::ranges::find_if(chain_, &Profile::live);
  const auto place = static_cast<std::size_t>(live - chain_.begin());
  const Source source = (*live)->layers.empty() ? Source{} : (*live)->layers.back().source;
  lowered_.refusals[place].push_back({number, 0, DenyAction::refuse, false, source});
  add(number, {}, FilterAction::notify);
  report(number, FilterAction::notify, 0, "", "live: true", source);
}

bool Lowering::deny_whole(std::size_t place, int number, bool settled) {
  const Profile& profile = *chain_[place];
  const SyscallRule& rule = *whole_call(profile, number).rule;
  const int error = profile.on_deny.error.value_or(EPERM);
  lowered_.refusals[place].push_back({number, error, profile.on_deny.action, false, rule.source});
  if (settled) return true;
  FilterAction action = FilterAction::notify;
  if (profile.live) {
    // Every refusal is the supervisor's, so that it can be taken back.
  } else if (enforces(profile) && profile.audit == Audit::cheap && profile.on_deny.action == DenyAction::refuse) {
    action = FilterAction::error;
  } else if (enforces(profile) && profile.audit == Audit::cheap && profile.on_deny.action == DenyAction::kill) {
    action = FilterAction::kill;
  }
  add(number, {}, action, error);
  report(number, action, error, "", "syscalls: deny " + rule.word, rule.source);
  return true;
}

bool Lowering::harden_whole(std::size_t place, int number, bool settled) {
  const Profile& profile = *chain_[place];
  const std::string_view name = syscall_name(number);
  for (const auto& rule : hardening_rules()) {
    if (rule.condition != HardeningCondition::any || rule.call != name) continue;
    if (!hardening_applies(rule, profile)) continue;
    lowered_.refusals[place].push_back({number, rule.error, DenyAction::refuse, true, Source{}});
    if (settled) return true;
    // ENOSYS says that there is no such call; programs go another way, and a line for each try would only be noise.
    const bool silent = profile.audit == Audit::cheap || rule.error == ENOSYS;
    const FilterAction action = silent ? FilterAction::error : FilterAction::notify;
    add(number, {}, action, rule.error);
    report(number, action, rule.error, "", "hardening: " + std::string(rule.reason), Source{});
    return true;
  }
  return false;
}

void Lowering::conditions() {
  for (const auto& rule : hardening_rules()) {
    const int number = syscall_number(rule.call).value_or(-1);
    if (rule.condition == HardeningCondition::any || std::ranges::find(settled_, number) != settled_.end()) continue;
    for (std::size_t place = 0; place < chain_.size(); ++place) {
      if (!hardening_applies(rule, *chain_[place]) || whole_call(*chain_[place], number).word == Word::allow) continue;
      condition(place, rule, number);
    }
  }
}

void Lowering::condition(std::size_t place, const HardeningRule& rule, int number) {
  const auto one = [&](std::string when, ArgumentTest test) {
    add(number, {test}, FilterAction::error, rule.error);
    report(number, FilterAction::error, rule.error, std::move(when), "hardening: " + std::string(rule.reason), Source{});
  };
  switch (rule.condition) {
    case HardeningCondition::any:
      return;
    case HardeningCondition::new_user_namespace: {
      const Profile& profile = *chain_[place];
      const FilterAction action = profile.audit == Audit::cheap ? FilterAction::error : FilterAction::notify;
      lowered_.refusals[place].push_back({number, rule.error, DenyAction::refuse, true, Source{}});
      add(number, {{0, Kind::any_bit, CLONE_NEWUSER, 0, false}}, action, rule.error);
      report(number, action, rule.error, "with CLONE_NEWUSER", "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::terminal_injection:
      one("TIOCSTI", {1, Kind::equal, word, TIOCSTI, false});
      one("TIOCLINUX", {1, Kind::equal, word, TIOCLINUX, false});
      one("TIOCSETD", {1, Kind::equal, word, TIOCSETD, false});
      return;
    case HardeningCondition::executable_memfd: {
      constexpr std::uint64_t noexec_seal = 0x8;  // MFD_NOEXEC_SEAL, Linux 6.3
      const ArgumentTest unsealed{1, Kind::no_bit, noexec_seal, 0, false};
      // Where there is a supervisor anyway it makes one that cannot be executed.
      if (chain_[place]->audit == Audit::cheap) return one("without MFD_NOEXEC_SEAL", unsealed);
      add(number, {unsealed}, FilterAction::notify);
      report(number, FilterAction::notify, 0, "without MFD_NOEXEC_SEAL", "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::undivided_family:
      lowered_.undivided[place] = 1;
      one("of AF_ALG", {0, Kind::equal, word, AF_ALG, false});
      one("of AF_VSOCK", {0, Kind::equal, word, AF_VSOCK, false});
      return;
    case HardeningCondition::fast_open: {
      const unsigned flags = rule.call == "sendmsg" ? 2 : 3;
      one("with MSG_FASTOPEN", {flags, Kind::any_bit, MSG_FASTOPEN, 0, false});
      return;
    }
    case HardeningCondition::source_route: {
      constexpr std::pair<int, int> options[] = {{IPPROTO_IP, IP_OPTIONS},
                                                 {IPPROTO_IPV6, IPV6_RTHDR},
                                                 {IPPROTO_IPV6, IPV6_2292RTHDR},
                                                 {IPPROTO_IPV6, IPV6_2292PKTOPTIONS}};
      for (const auto& [level, option] : options) {
        add(number,
            {{1, Kind::equal, word, static_cast<std::uint64_t>(level), false},
             {2, Kind::equal, word, static_cast<std::uint64_t>(option), false}},
            FilterAction::error, rule.error);
      }
      report(number, FilterAction::error, rule.error, "of IP options and IPv6 routing headers",
             "hardening: " + std::string(rule.reason), Source{});
      return;
    }
    case HardeningCondition::raw_transport:
      raw_transport(place, number, rule.error);
  }
}

// Where addresses decide, a socket must be one whose peers are named by such an address: TCP, UDP, ping, UNIX, netlink.
void Lowering::raw_transport(std::size_t place, int number, int error) {
  constexpr std::uint64_t type_bits = 0xf;  // without SOCK_NONBLOCK and SOCK_CLOEXEC
  constexpr int multipath_tcp = 262;
  const auto not_equal = [](unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return ArgumentTest{argument, Kind::not_equal, mask, value, false};
  };
  for (const int family : {AF_INET, AF_INET6}) {
    const ArgumentTest is_family{0, Kind::equal, word, static_cast<std::uint64_t>(family), false};
    add(number, {is_family, not_equal(1, type_bits, SOCK_STREAM), not_equal(1, type_bits, SOCK_DGRAM)}, FilterAction::error,
        error);
    std::vector<ArgumentTest> other{is_family};
    const std::uint64_t ping = family == AF_INET ? 1 : 58;  // IPPROTO_ICMP, IPPROTO_ICMPV6
    for (const std::uint64_t known :
         {std::uint64_t{0}, std::uint64_t{6}, std::uint64_t{17}, ping, std::uint64_t{multipath_tcp}}) {
      other.push_back(not_equal(2, word, known));
    }
    add(number, std::move(other), FilterAction::error, error);
  }
  report(number, FilterAction::error, error, "of another type or protocol than TCP, UDP, ping",
         "hardening: an address of `network` means nothing there", Source{});
  if (chain_[place]->network.families) return;
  lowered_.unaddressed[place] = 1;
  std::vector<ArgumentTest> other;
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    other.push_back(not_equal(0, word, static_cast<std::uint64_t>(family)));
  }
  add(number, std::move(other), FilterAction::error, EAFNOSUPPORT);
  report(number, FilterAction::error, EAFNOSUPPORT, "of another family than unix, inet, inet6, netlink",
         "hardening: an address of `network` means nothing there", Source{});
}

void Lowering::families() {
  std::optional<std::vector<int>> common;
  bool refused_in_bpf = true;
  const Source* source = nullptr;
  for (const auto* profile : chain_) {
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
  if (live_) {
    const auto* profile = *std::ranges::find_if(chain_, &Profile::live);
    for (const auto name : {std::string_view("socket"), std::string_view("socketpair")}) {
      const int number = *syscall_number(name);
      if (std::ranges::find(settled_, number) != settled_.end()) continue;
      add(number, {}, FilterAction::notify);
      report(number, FilterAction::notify, EAFNOSUPPORT, "", "live: true", profile->network.families_source);
    }
    return;
  }
  if (!common) return;
  for (const auto name : {std::string_view("socket"), std::string_view("socketpair")}) {
    const int number = *syscall_number(name);
    if (std::ranges::find(settled_, number) != settled_.end()) continue;
    std::vector<ArgumentTest> others;
    for (const int family : *common) {
      others.push_back({0, Kind::not_equal, word, static_cast<std::uint64_t>(family), false});
    }
    const FilterAction action = refused_in_bpf ? FilterAction::error : FilterAction::notify;
    add(number, std::move(others), action, EAFNOSUPPORT);
    report(number, action, EAFNOSUPPORT, "of a family that is not listed", "network: families", *source);
  }
}

Need Lowering::need(std::size_t place, const PathCall& call, Rights& missing) const {
  const Profile& profile = *chain_[place];
  if (profile.live) return Need::always;
  if (learns(profile)) return call.use == PathUse::existence ? Need::none : Need::always;
  if (!profile.paths) return Need::none;
  if (hides_[place] && call.use != PathUse::object) return Need::always;
  missing = call.rights.without(everywhere_[place]);
  const bool moves = call.rights == rights_all;  // what Landlock says about moves is not what a profile means
  if (enforces(profile) && !moves) missing = missing.without(elsewhere_[place].rights);
  if (missing.empty()) return Need::none;
  return call.flags >= 0 && call.flags_rights.covers(missing) ? Need::writing : Need::always;
}

// Access mode 3 opens for ioctl alone. Landlock, which looks at reading and writing, has nothing against it; a profile says it
// needs both rights, and no program that is not a disk or serial utility knows it.
void Lowering::without_access(const PathCall& call, int number) {
  if (call.flags < 0) return;
  for (std::size_t place = 0; place < chain_.size(); ++place) {
    constexpr Rights both = Rights(Right::read) | Right::write;
    if (!enforces(*chain_[place]) || everywhere_[place].covers(both)) continue;
    add(number, {{static_cast<unsigned>(call.flags), Kind::equal, O_ACCMODE, O_ACCMODE, false}}, FilterAction::error, EACCES);
    report(number, FilterAction::error, EACCES, "with access mode 3", "paths: " + rights_text(both),
           taken_away_by(*chain_[place], both));
    return;
  }
}

void Lowering::path_call(const PathCall& call) {
  const int number = *syscall_number(call.call);
  if (std::ranges::find(settled_, number) != settled_.end()) return;
  Need most = Need::none;
  Rights why;
  const Profile* because = nullptr;
  for (std::size_t place = 0; place < chain_.size(); ++place) {
    Rights missing;
    const Need wanted = need(place, call, missing);
    if (wanted <= most) continue;
    most = wanted;
    why = missing;
    because = chain_[place];
  }
  if (most == Need::none) return without_access(call, number);
  const bool writing = most == Need::writing;
  add(number, writing ? opens_for_writing(static_cast<unsigned>(call.flags)) : std::vector<ArgumentTest>(), FilterAction::notify);
  std::string reason = "paths: " + rights_text(why);
  if (why.empty()) reason = because->live ? "live: true" : learns(*because) ? "mode: learn" : "paths: hide";
  report(number, FilterAction::notify, 0, writing ? std::string(call.when) : "", std::move(reason), taken_away_by(*because, why));
}

// Where the supervisor opens files for reading it must know whether anybody is told of what happens to them: its own descriptor
// would otherwise be closed a moment after the caller's, and so be the one that is heard of.
void Lowering::watches() {
  const auto is_whole = [&](std::string_view name) {
    return std::ranges::any_of(lowered_.rules, [&](const FilterRule& rule) {
      return rule.number == *syscall_number(name) && rule.tests.empty() && rule.action == FilterAction::notify;
    });
  };
  if (!is_whole("openat") && !is_whole("open")) return;
  for (const auto name : {std::string_view("inotify_add_watch"), std::string_view("fanotify_mark")}) {
    const int number = *syscall_number(name);
    if (is_whole(name) || std::ranges::find(settled_, number) != settled_.end()) continue;
    add(number, {}, FilterAction::notify);
    report(number, FilterAction::notify, 0, "", "opens for reading are answered: nobody may hear of a close too late", Source{});
  }
}

void Lowering::device_requests() {
  const int number = *syscall_number("ioctl");
  if (std::ranges::find(settled_, number) != settled_.end()) return;
  for (const auto* profile : chain_) {
    if (!learns(*profile) && !profile->live && rights_everywhere(*profile).covers(Right::ioctl)) continue;
    for (const auto& harmless : harmless_ioctls()) add(number, {harmless}, FilterAction::allow);
    add(number, {}, FilterAction::notify);
    report(number, FilterAction::notify, 0, "but requests of terminals and sockets", "paths: ioctl",
           taken_away_by(*profile, Right::ioctl));
    return;
  }
  for (std::size_t place = 0; place < chain_.size(); ++place) {
    const Profile& profile = *chain_[place];
    Rights given = everywhere_[place];
    if (enforces(profile)) given = given | elsewhere_[place].rights;
    if (given.covers(Right::xattr)) continue;
    inode_requests_of(number, profile);
    return;
  }
}

void Lowering::inode_requests_of(int number, const Profile& profile) {
  for (const std::uint32_t harmless : harmless_inode_requests) {
    add(number, {{1, Kind::equal, word, harmless, false}}, FilterAction::allow);
  }
  for (const std::uint8_t type : inode_request_types) {
    add(number, {{1, Kind::equal, 0xff00, static_cast<std::uint64_t>(type) << 8U, false}}, FilterAction::notify);
  }
  report(number, FilterAction::notify, 0, "that changes the flags of an inode", "paths: xattr",
         taken_away_by(profile, Right::xattr));
}

void Lowering::network_call(std::string_view name, std::vector<ArgumentTest> tests, std::string when, std::string_view section,
                            const Source& source) {
  const int number = *syscall_number(name);
  if (std::ranges::find(settled_, number) != settled_.end()) return;
  // A rule without a test may be there already, from `paths`.
  for (const auto& rule : lowered_.rules) {
    if (rule.number == number && rule.tests.empty() && rule.action == FilterAction::notify) return;
  }
  add(number, std::move(tests), FilterAction::notify);
  report(number, FilterAction::notify, 0, std::move(when), "network: " + std::string(section), source);
}

// What the programs of a cgroup do not see: messages over ping sockets, and connections of multipath TCP before some kernels.
void Lowering::unguarded_protocols() {
  const int number = *syscall_number("socket");
  if (std::ranges::find(settled_, number) != settled_.end()) return;
  constexpr std::uint64_t multipath_tcp = 262, ping = 1, ping6 = 58;
  for (const auto protocol : {multipath_tcp, ping, ping6}) {
    add(number, {{2, Kind::equal, word, protocol, false}}, FilterAction::error, EPROTONOSUPPORT);
  }
  report(number, FilterAction::error, EPROTONOSUPPORT, "of multipath TCP or ping", "network: connect, enforced in the cgroup",
         chain_.back()->network.connect_source);
}

void Lowering::network() {
  if (guarded_.connect) unguarded_protocols();
  for (const auto* profile : chain_) {
    const Network& network = profile->network;
    const bool learning = learns(*profile) || profile->live;
    if ((network.connect || learning) && !guarded_.connect) {
      network_call("connect", {}, "", "connect", network.connect_source);
      const bool datagrams = learning || names_hosts(*profile) ||
                             !(gives_all_addresses(*network.connect, Transport::udp) &&
                               gives_all_addresses(*network.connect, Transport::unix_path) &&
                               gives_all_addresses(*network.connect, Transport::unix_abstract));
      if (datagrams) {
        network_call("sendto", {{4, Kind::not_equal, ~0ULL, 0, true}}, "to an address", "connect", network.connect_source);
        network_call("sendmsg", {}, "", "connect", network.connect_source);
        network_call("sendmmsg", {}, "", "connect", network.connect_source);
      }
    }
    // Nobody may stand where the resolver of the container is asked.
    if (!network.bind && !learning && names_hosts(*profile)) network_call("bind", {}, "", "connect", network.connect_source);
    if (network.bind || learning) {
      if (!guarded_.bind) network_call("bind", {}, "", "bind", network.bind_source);
      network_call("listen", {}, "", "bind", network.bind_source);
    }
  }
}

/// The supervisor must know whether any caller may have another root than the container's. Told of each chroot, which is rare, it
/// need not ask at each call.
void Lowering::follow_roots() {
  const int number = *syscall_number("chroot");
  if (!lowered_.needs_listener || std::ranges::find(settled_, number) != settled_.end()) return;
  if (std::ranges::find(lowered_.rules, number, &FilterRule::number) != lowered_.rules.end()) return;
  add(number, {}, FilterAction::notify);
  report(number, FilterAction::notify, 0, "", "the supervisor follows its callers' roots", Source{});
}

}  // namespace

CallLowering lower_calls(const std::vector<const Profile*>& chain, const std::vector<EnforcedElsewhere>& elsewhere,
                         const GuardableSections& guarded) {
  return Lowering(chain, elsewhere, guarded).run();
}

const Source& taken_away_by(const Profile& profile, Rights rights) {
  if (!profile.paths) return profile.paths_source;
  const Source* found = &profile.paths_source;
  for (const auto& entry : *profile.paths) {
    const bool takes = rights.empty() ? entry.hide : !entry.allow.covers(rights) || entry.hide || entry.audit.any(rights);
    if (takes) found = &entry.source;
  }
  return *found;
}

}  // namespace warder::policy
