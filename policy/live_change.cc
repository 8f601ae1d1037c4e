#include "policy/live_change.h"

#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <map>

#include "policy/address_text.h"
#include "policy/call_lowering.h"
#include "policy/capability_names.h"
#include "policy/decide.h"
#include "policy/filter_coverage.h"
#include "policy/groups.h"
#include "policy/landlock_lowering.h"
#include "policy/network_coverage.h"
#include "policy/path_calls.h"

namespace warder::policy {
namespace {

constexpr std::string_view remedy = "; a container whose profile says `live: true` hands it over";

/// What a profile refuses, as if it refused nothing where it only logs.
Profile enforced_part(const Profile& profile) {
  Profile part = profile;
  part.ceiling.reset();
  if (profile.mode == Mode::enforce) return part;
  part.paths.reset();
  part.network = {};
  part.syscalls.clear();
  part.mode = Mode::enforce;
  return part;
}

bool same_entry(const PathEntry& a, const PathEntry& b) {
  return a.pattern == b.pattern && a.allow == b.allow && a.audit == b.audit && a.hide == b.hide && a.error == b.error;
}
bool same_rule(const AddressRule& a, const AddressRule& b) { return a.text == b.text && a.allow == b.allow; }

template <class Entry, class Same>
bool same_list(const std::optional<std::vector<Entry>>& a, const std::optional<std::vector<Entry>>& b, Same same) {
  if (a.has_value() != b.has_value()) return false;
  return !a || std::ranges::equal(*a, *b, same);
}

bool is_harmless_ioctl(const seccomp_data& data) {
  return std::ranges::any_of(harmless_ioctls(), [&](const ArgumentTest& test) {
    return filter_meaning({{{data.nr, {test}, FilterAction::notify, 0}}, data.nr}, data) == SECCOMP_RET_USER_NOTIF;
  });
}

/// One profile of the chain against its successor.
class Planner {
 public:
  Planner(const Compiled& created, int landlock_abi, LiveChange& change)
      : created_(created), coverage_(created.filter()), landlock_abi_(landlock_abi), change_(change) {}

  void plan(const Profile& before, const Profile& after) {
    fixed_settings(before, after);
    const Profile was = enforced_part(before);
    const Profile is = enforced_part(after);
    paths(was, is);
    network(was, is);
    families(was, is);
    calls(was, is);
    for (auto& one : compare_profiles(was, is)) change_.differences.push_back(std::move(one));
  }

 private:
  void impossible(const Source& source, const std::string& text) {
    change_.impossible.push_back(finding_text({source, text, false}));
  }
  void loosened(const Source& source, const std::string& text) {
    change_.loosened.push_back(finding_text({source, text, false}));
  }

  void fixed_settings(const Profile& before, const Profile& after);
  void paths(const Profile& was, const Profile& is);
  void keep_exec_mounts(const Profile& is, const PathComparison& comparison);
  void tighten_paths(Rights rights, bool hides, const PathDifference& because);
  void loosen_paths(const PathDifference& difference);
  [[nodiscard]] FilterCoverage::Meant meant_of(const PathCall& call, Rights rights) const;
  [[nodiscard]] bool ioctl_is_judged() const;
  void network(const Profile& was, const Profile& is);
  void require(std::string_view name, const Source& source, std::string_view section, const FilterCoverage::Meant& meant = {});
  void families(const Profile& was, const Profile& is);
  void calls(const Profile& was, const Profile& is);

  const Compiled& created_;
  const FilterCoverage coverage_;
  const int landlock_abi_;
  LiveChange& change_;
};

Source own_file(const Profile& profile) { return profile.layers.empty() ? Source{} : profile.layers.back().source; }

void Planner::fixed_settings(const Profile& before, const Profile& after) {
  const Source whole = own_file(after);
  const auto fixed = [&](bool differs, std::string_view what) {
    if (differs)
      impossible(whole, std::string(what) + " was settled when the container started, and cannot change while it runs");
  };
  fixed(before.live != after.live, "live");
  fixed(before.audit != after.audit, "audit: refused or cheap");
  fixed(before.executable_mappings != after.executable_mappings, "executable-mappings");
  fixed(before.architectures != after.architectures, "architectures");
  if (before.capability_ceiling != after.capability_ceiling) {
    const Source& source = after.capability_ceiling ? after.capabilities_source : whole;
    impossible(source, "capabilities: the workload's sets are its own by now, and cannot change while it runs");
  }
  const bool all_is_handed_over = after.live;
  if (before.mode != after.mode) {
    if (!all_is_handed_over) {
      impossible(whole,
                 "mode: not every call is handed to PID 1, so that what Landlock, mounts and the seccomp program refuse would "
                 "stay refused; accepted: the mode as it is, or a container whose profile says `live: true`");
    }
    if (before.mode == Mode::enforce) loosened(whole, "mode: what is refused now would only be logged");
  }
  const bool same_reaction = before.on_deny.action == after.on_deny.action && before.on_deny.error == after.on_deny.error;
  if (!same_reaction && after.audit == Audit::cheap && !all_is_handed_over) {
    impossible(after.on_deny.source,
               "on-deny: refusals of this container by Landlock, mounts and the seccomp program keep theirs");
  }
  const auto weight = [](DenyAction action) { return static_cast<int>(action); };
  if (weight(after.on_deny.action) < weight(before.on_deny.action)) {
    loosened(after.on_deny.source.file ? after.on_deny.source : whole, "on-deny: a refusal has less effect than now");
  }
}

// ---- paths

/// Of the calls that may need the rights, those that do.
FilterCoverage::Meant Planner::meant_of(const PathCall& call, Rights rights) const {
  if (call.flags < 0 || rights.empty() || !call.flags_rights.covers(call.rights & rights)) return {};
  return [tests = opens_for_writing(static_cast<unsigned>(call.flags))](const seccomp_data& data) {
    return filter_meaning({{{data.nr, tests, FilterAction::notify, 0}}, data.nr}, data) == SECCOMP_RET_USER_NOTIF;
  };
}

bool Planner::ioctl_is_judged() const {
  return coverage_.never_passes(*syscall_number("ioctl"), [](const seccomp_data& data) { return !is_harmless_ioctl(data); });
}

void Planner::tighten_paths(Rights rights, bool hides, const PathDifference& because) {
  std::string open;
  Rights which;
  for (const auto& call : path_calls()) {
    const Rights needed = call.rights & rights;
    const bool shows = hides && call.use != PathUse::object;
    if (needed.empty() && !shows) continue;
    const auto meant = shows ? FilterCoverage::Meant() : meant_of(call, rights);
    if (coverage_.never_passes(*syscall_number(call.call), meant)) continue;
    open += (open.empty() ? "" : ", ") + std::string(call.call);
    which = which | (call.rights == rights_all ? rights : needed);
  }
  if (rights.any(Right::ioctl) && !ioctl_is_judged()) {
    open += (open.empty() ? "" : ", ") + std::string("ioctl");
    which = which | Right::ioctl;
  }
  const Source& source = because.after.file ? because.after : because.before;
  if (!open.empty()) {
    const std::string what =
        which.empty() ? "hides " + because.path : "takes " + rights_text(which) + " away, from " + because.path;
    impossible(source, what + " for one, but the seccomp program of this container lets " + open + " pass" + std::string(remedy));
  } else if (rights.any(Right::exec) && !created_.checks_exec()) {
    impossible(source, "takes exec away, from " + because.path +
                           " for one, but in this container Landlock decides what is executed" + std::string(remedy));
  }
}

void Planner::loosen_paths(const PathDifference& difference) {
  const Source& source = difference.after.file ? difference.after : difference.before;
  const std::string what = difference.rights.empty() ? "the sight of" : rights_text(difference.rights) + " on";
  loosened(source, "gives back " + what + " " + difference.path);
  Rights stuck;
  for (int bit = 0; bit < right_count; ++bit) {
    const Right right = static_cast<Right>(1U << bit);
    if (!difference.rights.any(right)) continue;
    const std::uint64_t access = landlock_access(right, landlock_abi_);
    const bool walled = (created_.landlock_handled_fs() & access) != 0;
    if (right == Right::exec && walled) stuck = stuck | right;
    for (const auto& call : path_calls()) {
      if (!call.rights.any(right) || call.rights == rights_all || right == Right::exec) continue;
      if (walled && !coverage_.never_passes(*syscall_number(call.call), meant_of(call, right))) stuck = stuck | right;
    }
    if (right == Right::ioctl && walled && !ioctl_is_judged()) stuck = stuck | right;
  }
  if (!stuck.empty()) {
    impossible(source, "gives back " + rights_text(stuck) + " on " + difference.path +
                           ", but Landlock refuses it for as long as this container runs");
  }
  constexpr Rights reading = Right::read | Right::list | Right::exec | Right::watch;
  for (std::size_t i = 0; i < created_.read_only_count(); ++i) {
    const std::string tree(created_.read_only(i));
    const bool inside = difference.path == tree || difference.path.starts_with(tree == "/" ? tree : tree + "/");
    if (inside && !difference.rights.without(reading).empty()) {
      return impossible(source, "gives back rights on " + difference.path + ", but " + tree +
                                    " is mounted read-only for as long as this container runs");
    }
  }
}

/// What may be mapped executable was mounted so at start, by the rights to read and to execute that there were.
void Planner::keep_exec_mounts(const Profile& is, const PathComparison& comparison) {
  if (is.executable_mappings != ExecutableMappings::exec) return;
  for (const auto& one : comparison.differences) {
    const bool stays = !one.rights.any(Right::exec) && !(one.allowed && one.rights.any(Right::read)) && !one.rights.empty();
    if (stays) continue;
    return impossible(one.after.file ? one.after : one.before,
                      "changes who may execute or read " + one.path +
                          ", but executable-mappings: exec stands on mounts that stay as they are while this container runs");
  }
  if (!comparison.complete) {
    impossible(is.paths_source, "too many patterns to tell whether executable-mappings: exec would still hold");
  }
}

void Planner::paths(const Profile& was, const Profile& is) {
  if (same_list(was.paths, is.paths, same_entry)) return;
  const PathComparison comparison = compare_paths(was, is);
  keep_exec_mounts(is, comparison);
  for (const auto& one : comparison.differences) {
    if (one.allowed) {
      loosen_paths(one);
    } else {
      tighten_paths(one.rights, one.rights.empty(), one);
    }
  }
  if (!comparison.complete) {
    const PathDifference all{false, rights_all, "/", was.paths_source, is.paths_source};
    tighten_paths(rights_all, true, all);
    loosened(is.paths_source, "paths: too many patterns to tell whether some path gains a right");
  }
  // A use that is to be logged must be seen.
  if (!is.paths) return;
  Rights logged;
  if (was.paths) {
    for (const auto& entry : *was.paths) logged = logged | entry.audit;
  }
  for (const auto& entry : *is.paths) {
    const Rights more = entry.audit.without(logged);
    if (!more.empty()) tighten_paths(more, false, {false, more, entry.pattern, {}, entry.source});
  }
}

// ---- network

void Planner::require(std::string_view name, const Source& source, std::string_view section, const FilterCoverage::Meant& meant) {
  if (coverage_.never_passes(*syscall_number(name), meant)) return;
  impossible(source, "network: " + std::string(section) + " changes, but the seccomp program of this container lets " +
                         std::string(name) + " pass" + std::string(remedy));
}

void Planner::network(const Profile& was, const Profile& is) {
  const Network& before = was.network;
  const Network& after = is.network;
  const bool connects = !same_list(before.connect, after.connect, same_rule);
  const bool binds = !same_list(before.bind, after.bind, same_rule);
  if (!connects && !binds) return;
  for (const auto& one : compare_addresses(was, is)) {
    if (one.allowed) loosened(one.after.file ? one.after : one.before, "gives back " + one.what);
  }
  // Where the kernel guards addresses by itself, taking a section away changes nothing.
  if (connects && before.connect && !after.connect) require("connect", own_file(is), "connect");
  if (binds && before.bind && !after.bind) require("bind", own_file(is), "bind");
  if (connects && after.connect) {
    require("connect", after.connect_source, "connect");
    const auto free = [&](Transport transport) { return gives_all_addresses(*after.connect, transport); };
    if (!free(Transport::udp) || !free(Transport::unix_path) || !free(Transport::unix_abstract)) {
      require("sendto", after.connect_source, "connect", [](const seccomp_data& data) { return data.args[4] != 0; });
      require("sendmsg", after.connect_source, "connect");
      require("sendmmsg", after.connect_source, "connect");
    }
  }
  if (binds && after.bind) {
    require("bind", after.bind_source, "bind");
    require("listen", after.bind_source, "bind");
  }
  const bool judged = before.connect || before.bind || was.live;
  if (!judged && (after.connect || after.bind)) {
    impossible(
        after.connect ? after.connect_source : after.bind_source,
        "network: addresses were not restricted when this container started, so that raw sockets pass" + std::string(remedy));
  }
}

void Planner::families(const Profile& was, const Profile& is) {
  for (int family = 0; family < 64; ++family) {
    const bool had = decide_family(was, family).allowed;
    const bool has = decide_family(is, family).allowed;
    if (had == has) continue;
    const Source& source = is.network.families ? is.network.families_source : own_file(is);
    const auto of_family = [family](const seccomp_data& data) {
      return static_cast<std::uint32_t>(data.args[0]) == static_cast<std::uint32_t>(family);
    };
    for (const char* name : {"socket", "socketpair"}) {
      const int number = *syscall_number(name);
      if (had && !coverage_.never_passes(number, of_family)) {
        impossible(source, "families: takes " + family_name(family) + " away, but the seccomp program of this container lets " +
                               name + " pass" + std::string(remedy));
        break;
      }
      if (has && coverage_.refuses(number, of_family)) {
        impossible(source, "families: gives back " + family_name(family) +
                               ", but the seccomp program refuses it for as long as this container runs");
        break;
      }
    }
    if (has) loosened(source, "families: gives back " + family_name(family));
  }
}

// ---- system calls

/// Numbers that `syscalls: allow` names last: these are out of the hardening set, whatever its condition.
std::vector<int> given_back(const Profile& profile) {
  std::map<int, bool> last;
  for (const auto& rule : profile.syscalls) {
    for (const int number : rule.numbers) last[number] = rule.allow;
  }
  std::vector<int> numbers;
  for (const auto& [number, allow] : last) {
    if (allow) numbers.push_back(number);
  }
  return numbers;
}

Source rule_about(const Profile& profile, int number) {
  Source source = own_file(profile);
  for (const auto& rule : profile.syscalls) {
    if (std::ranges::find(rule.numbers, number) != rule.numbers.end()) source = rule.source;
  }
  return source;
}

void Planner::calls(const Profile& was, const Profile& is) {
  const auto before = given_back(was);
  const auto after = given_back(is);
  for (int number = 0; number <= newest_syscall; ++number) {
    const std::string name(syscall_name(number));
    if (name.empty()) continue;
    const bool had = decide_syscall(was, number).allowed;
    const bool has = decide_syscall(is, number).allowed;
    const bool freed = std::ranges::binary_search(after, number) && !std::ranges::binary_search(before, number);
    if (had && !has && !coverage_.never_passes(number)) {
      impossible(rule_about(is, number), "syscalls: denies " + name + ", but the seccomp program of this container lets it pass");
    }
    if ((!had && has) || freed) {
      loosened(rule_about(is, number), "syscalls: gives back " + name);
      if (coverage_.refuses(number)) {
        impossible(rule_about(is, number),
                   "syscalls: gives back " + name + ", but the seccomp program refuses it for as long as this container runs");
      }
    }
  }
}

}  // namespace

Result<LiveChange> plan_live_change(const Compiled& created, const Profile& before, const Profile& after,
                                    const KernelFacts& kernel, const ContainerFacts& container) {
  LiveChange change;
  Planner planner(created, kernel.landlock_abi, change);
  const Profile* was = &before;
  const Profile* is = &after;
  for (; was != nullptr && is != nullptr; was = was->ceiling.get(), is = is->ceiling.get()) planner.plan(*was, *is);
  if (was != is) {
    change.impossible.push_back(
        finding_text({own_file(was != nullptr ? *was : *is),
                      "this ceiling came or went since the container started; it cannot while it runs", false}));
  }
  if (!created.needs_listener()) {
    change.impossible.assign(
        {"nothing of this container's profile is decided by PID 1: Landlock, mounts and the seccomp program, "
         "which enforce it, cannot change while it runs" +
         std::string(remedy)});
  }
  std::ranges::sort(change.impossible);
  change.impossible.erase(std::unique(change.impossible.begin(), change.impossible.end()), change.impossible.end());
  if (!change.impossible.empty()) return change;
  change.block = WARDER_TRY(lower_for_running(after, created, container));
  return change;
}

}  // namespace warder::policy
