// Puts the parts of lowering together: canonical profiles, Landlock, system calls, the block.
#include "policy/lower.h"

#include <linux/capability.h>
#include <linux/landlock.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "linux/newer.h"
#include "policy/call_lowering.h"
#include "policy/canonical_profile.h"
#include "policy/compiled_writer.h"
#include "policy/exec_mounts.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/landlock_lowering.h"
#include "policy/lower_report.h"
#include "policy/mount_lowering.h"
#include "policy/network_coverage.h"

namespace warder::policy {
namespace {

Source whole_file(const Profile& profile) { return profile.layers.empty() ? Source{} : profile.layers.back().source; }

/// Only this architecture: the supervisor answers x86-64 calls, and the numbers of another one would pass it by.
Result<void> check_architectures(const Profile& profile) {
  for (const auto& name : profile.architectures) {
    if (name == "native" || name == "x86_64" || name == "amd64") continue;
    return error_at(whole_file(profile), "architectures: '" + name + "' cannot be enforced here; accepted: native, x86_64");
  }
  return {};
}

// What the process that becomes the workload needs itself once its filter is installed.
constexpr auto needed_to_start =
    std::to_array<std::string_view>({"read", "write", "close", "execve", "exit", "exit_group", "seccomp", "prctl", "capset",
                                     "mmap", "munmap", "mprotect", "brk", "rt_sigreturn", "rt_sigaction", "rt_sigprocmask"});

Result<void> check_syscalls(const Profile& profile) {
  for (const auto name : needed_to_start) {
    const int number = *syscall_number(name);
    const SyscallRule* deciding = nullptr;
    for (const auto& rule : profile.syscalls) {
      if (std::ranges::find(rule.numbers, number) != rule.numbers.end()) deciding = &rule;
    }
    if (deciding == nullptr || deciding->allow || profile.mode != Mode::enforce) continue;
    std::string text =
        "syscalls: deny '" + deciding->word + "' refuses " + std::string(name) + ", without which no workload can be started";
    if (deciding->word != name) text += "; give it back with `allow: [" + std::string(name) + "]` or deny the calls one by one";
    return error_at(deciding->source, text);
  }
  return {};
}

CompiledRules rules_of(const Profile& profile) {
  CompiledRules rules;
  rules.mode = profile.mode;
  rules.on_deny = profile.on_deny;
  rules.paths_source = profile.paths_source;
  rules.network = profile.network;
  rules.whole = whole_file(profile);
  if (profile.paths) {
    rules.paths.emplace();
    for (const auto& entry : *profile.paths) {
      rules.paths->push_back({{entry.pattern}, entry.allow, entry.audit, entry.hide, entry.error, entry.source});
    }
  }
  return rules;
}

/// The container's profile and the ceilings over it, each on its own and canonical, in the order they are asked.
Result<std::vector<Profile>> canonical_chain(const Profile& profile, const ContainerFacts& container) {
  std::vector<Profile> chain;
  for (const Profile* one = &profile; one != nullptr; one = one->ceiling.get()) {
    WARDER_TRY(check_architectures(*one));
    WARDER_TRY(check_syscalls(*one));
    chain.insert(chain.begin(), WARDER_TRY(canonical_profile(*one, container)));
  }
  return chain;
}

/// Path rights that only this profile of the chain has, compiled, for questions while lowering.
Result<std::vector<std::byte>> paths_alone(const CompiledRules& rules) {
  CompiledPlan plan;
  plan.rules.push_back(rules);
  return write_compiled(plan);
}

/// Which trees are mounted noexec for the profiles of the chain that ask for it; what only one of them lets be mapped is not.
Result<std::vector<ExecMount>> exec_mounts_of(const std::vector<Profile>& chain, const std::vector<CompiledRules>& rules,
                                              const ContainerFacts& container) {
  std::vector<ExecMount> mounts;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Profile& profile = chain[i];
    if (profile.executable_mappings != ExecutableMappings::exec) continue;
    if (!profile.paths) {
      return error_at(profile.executable_mappings_source,
                      "executable-mappings: exec says nothing in a profile without `paths`, where every file may be executed");
    }
    if (profile.mode != Mode::enforce) continue;
    const auto block = WARDER_TRY(paths_alone(rules[i]));
    const Compiled compiled = WARDER_TRY(Compiled::open(block));
    mounts = both_exec_mounts(mounts, WARDER_TRY(lower_exec_mounts(profile, compiled, container)));
  }
  return mounts;
}

struct Walls {
  LandlockLowering landlock;
  MountLowering mounts;
  std::vector<EnforcedElsewhere> elsewhere;
  bool checks_exec = false;
};

/// Programs are executed by the kernel itself, for everybody in the domain: what Landlock says about them could not change later.
void leave_exec_to_supervisor(LandlockLowering& landlock) {
  landlock.handled &= ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE};
  landlock.exact = landlock.exact.without(Right::exec);
  for (auto& rule : landlock.paths) rule.access &= landlock.handled;
  std::erase_if(landlock.paths, [](const auto& rule) { return rule.access == 0; });
  if (landlock.handled == 0) landlock.paths.clear();
}

// There is one Landlock ruleset: that of the last profile that enforces path rights. The others' are left to the supervisor.
Result<Walls> build_walls(const std::vector<Profile>& chain, const std::vector<CompiledRules>& rules, const KernelFacts& kernel,
                          const ContainerFacts& container) {
  Walls walls;
  walls.elsewhere.resize(chain.size());
  std::size_t owner = chain.size();
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (chain[i].mode == Mode::enforce && chain[i].paths) owner = i;
  }
  if (owner < chain.size()) {
    const auto block = WARDER_TRY(paths_alone(rules[owner]));
    const Compiled compiled = WARDER_TRY(Compiled::open(block));
    // Where refusals are logged the supervisor is asked anyway; for execve, which it cannot do itself, Landlock stays the proof.
    const bool live = std::ranges::any_of(chain, &Profile::live);
    const bool cheap = chain[owner].audit == Audit::cheap && !live;
    walls.landlock = lower_to_landlock(chain[owner], compiled, cheap ? rights_all : Rights(Right::exec), kernel, container);
    if (live) leave_exec_to_supervisor(walls.landlock);
    if (cheap) {
      walls.mounts = lower_to_mounts(chain[owner], container);
      walls.elsewhere[owner].rights = walls.landlock.exact | walls.mounts.exact;
    }
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    if (chain[i].live) walls.checks_exec = true;
    if (chain[i].mode != Mode::enforce || rights_everywhere(chain[i]).covers(Right::exec)) continue;
    if (i != owner || !walls.landlock.exact.any(Right::exec)) walls.checks_exec = true;
  }
  return walls;
}

// A second wall for TCP: the supervisor decides about addresses, Landlock about ports. Never the only one: a socket that listens
// without bind gets its port past Landlock.
void wall_ports(const std::vector<Profile>& chain, const KernelFacts& kernel, CompiledPlan& plan) {
  if (kernel.landlock_abi < 4 || chain.back().mode != Mode::enforce || chain.back().live) return;
  const auto wall = [&](const std::optional<std::vector<AddressRule>>& rules, std::uint64_t access) {
    const auto ports = rules ? few_tcp_ports(*rules) : std::nullopt;
    if (!ports) return;
    plan.handled_net |= access;
    for (const auto port : *ports) plan.landlock_ports.push_back({port, access});
  };
  wall(chain.back().network.connect, kernel::landlock_net_connect_tcp);
  wall(chain.back().network.bind, kernel::landlock_net_bind_tcp);
}

/// Are there addresses on the internet that may not be reached?
bool tells_peers_apart(const Profile& profile) {
  if (profile.mode != Mode::enforce || !profile.network.connect) return false;
  const auto& rules = *profile.network.connect;
  return names_hosts(profile) || !gives_all_addresses(rules, Transport::tcp) || !gives_all_addresses(rules, Transport::udp);
}

/// What the chain as a whole does, for the block's header.
void describe(const Profile& profile, const std::vector<Profile>& chain, CompiledPlan& plan) {
  plan.name = profile.name;
  plan.hash = profile.hash();
  for (const auto& one : chain) {
    const bool learns = one.mode == Mode::learn || one.live;  // asks about everything
    if (one.paths || learns) plan.decides_paths = true;
    if (one.network.connect || one.network.bind || one.network.families || learns) plan.decides_network = true;
    if (one.paths && std::ranges::any_of(*one.paths, &PathEntry::hide)) plan.hides = true;
    if (one.capability_ceiling) plan.capability_ceiling &= *one.capability_ceiling;
    if (names_hosts(one) || one.mode == Mode::learn) plan.names_hosts = true;
    // Who may give addresses to devices can stand where the resolver is asked; who may translate addresses (nftables) reaches any
    // peer by the address of another.
    if (tells_peers_apart(one)) plan.capability_ceiling &= ~(1ULL << CAP_NET_ADMIN);
  }
}

/// What the kernel is left to enforce in the container's cgroup; nothing where it cannot.
GuardableSections guarded_sections(const std::vector<Profile>& chain, const ContainerFacts& container) {
  const GuardableSections sections = guardable_sections(chain);
  if ((!sections.connect && !sections.bind) || !container.has_guarded_cgroup || !container.has_guarded_cgroup()) return {};
  return sections;
}

std::vector<AddressProgram> address_programs(const std::vector<Profile>& chain, const GuardableSections& guarded) {
  std::vector<GuardedSection> connect;
  std::vector<GuardedSection> bind;
  for (const Profile& one : chain) {
    const int error = one.on_deny.error.value_or(EACCES);
    if (one.network.connect) connect.push_back({&*one.network.connect, error});
    if (one.network.bind) bind.push_back({&*one.network.bind, error});
  }
  std::vector<AddressProgram> programs;
  if (guarded.connect) programs = connect_programs(connect);
  if (guarded.bind) std::ranges::move(bind_programs(bind), std::back_inserter(programs));
  return programs;
}

Result<void> check_kernel(const CompiledPlan& plan, const KernelFacts& kernel, const Source& source) {
  if (!plan.needs_listener || kernel.user_notify) return {};
  return error_at(source,
                  "needs seccomp user notification with ADDFD_SEND and WAIT_KILLABLE_RECV (Linux 5.19), which this "
                  "kernel does not have");
}

/// Calls that the running program hands over as a whole, and that nobody refuses any more: allowed by their number.
void keep_decided(const Compiled& created, CompiledPlan& plan) {
  const Source whole = plan.rules.back().whole;
  for (int number = 0; number <= newest_syscall; ++number) {
    if (!created.decides_by_number(number)) continue;
    const auto names_it = [number](const CompiledRefusal& refusal) { return refusal.number == number; };
    const bool named =
        std::ranges::any_of(plan.rules, [&](const auto& rules) { return std::ranges::any_of(rules.refusals, names_it); });
    if (!named) plan.rules.back().refusals.push_back({number, 0, DenyAction::refuse, false, whole});
  }
}

}  // namespace

Result<std::vector<std::byte>> lower_for_running(const Profile& profile, const Compiled& created,
                                                 const ContainerFacts& container) {
  const auto chain = WARDER_TRY(canonical_chain(profile, container));
  CompiledPlan plan;
  for (const auto& one : chain) plan.rules.push_back(rules_of(one));
  describe(profile, chain, plan);
  std::vector<const Profile*> links;
  for (const auto& one : chain) links.push_back(&one);
  const CallLowering calls = lower_calls(links, std::vector<EnforcedElsewhere>(chain.size()), GuardableSections{});
  for (std::size_t i = 0; i < chain.size(); ++i) {
    plan.rules[i].refusals = calls.refusals[i];
    plan.rules[i].refuses_undivided = calls.undivided[i] != 0;
    plan.rules[i].refuses_unaddressed = calls.unaddressed[i] != 0;
  }
  keep_decided(created, plan);
  plan.checks_exec = created.checks_exec();
  plan.needs_listener = created.needs_listener();
  return write_compiled(plan);
}

Result<Lowered> lower(const Profile& profile, const KernelFacts& kernel, const ContainerFacts& container) {
  const auto chain = WARDER_TRY(canonical_chain(profile, container));
  CompiledPlan plan;
  for (const auto& one : chain) plan.rules.push_back(rules_of(one));
  describe(profile, chain, plan);

  Walls walls = WARDER_TRY(build_walls(chain, plan.rules, kernel, container));
  plan.checks_exec = walls.checks_exec;
  plan.handled_fs = walls.landlock.handled;
  plan.landlock_paths = walls.landlock.paths;
  plan.read_only = walls.mounts.trees;
  for (const auto& mount : WARDER_TRY(exec_mounts_of(chain, plan.rules, container))) {
    plan.exec_mounts.push_back(
        {mount.path, mount.executable, mount.name_alone, mount.keeps_link, mount.to_be_made, mount.may_be_absent});
  }
  wall_ports(chain, kernel, plan);

  std::vector<const Profile*> links;
  for (const auto& one : chain) links.push_back(&one);
  const GuardableSections guarded = guarded_sections(chain, container);
  CallLowering calls = lower_calls(links, walls.elsewhere, guarded);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    plan.rules[i].refusals = calls.refusals[i];
    plan.rules[i].refuses_undivided = calls.undivided[i] != 0;
    plan.rules[i].refuses_unaddressed = calls.unaddressed[i] != 0;
  }
  plan.needs_listener = calls.needs_listener;
  WARDER_TRY(check_kernel(plan, kernel, whole_file(profile)));
  const bool hardened = std::ranges::any_of(chain, &Profile::hardening);
  plan.filter =
      WARDER_TRY_WITH(generate_filter({calls.rules, hardened || !calls.rules.empty() ? newest_syscall : 0}), profile.name);

  Lowered lowered;
  lowered.entries = report_entries(profile, walls.elsewhere.back(), walls.landlock, walls.mounts, plan.checks_exec, guarded);
  lowered.address_programs = address_programs(chain, guarded);
  lowered.calls = std::move(calls.reports);
  lowered.second_wall = walls.landlock.handled;
  lowered.block = WARDER_TRY(write_compiled(plan));
  return lowered;
}

std::string_view enforcer_name(Enforcer enforcer) {
  switch (enforcer) {
    case Enforcer::none:
      return "none";
    case Enforcer::mount:
      return "mount";
    case Enforcer::landlock:
      return "landlock";
    case Enforcer::bpf:
      return "bpf";
    case Enforcer::cgroup:
      return "cgroup eBPF";
    case Enforcer::notify:
      return "notify";
    case Enforcer::exec_stop:
      return "exec stop";
    case Enforcer::capability_set:
      return "capability sets";
  }
  return "";
}

std::string_view enforcer_cost(Enforcer enforcer) {
  switch (enforcer) {
    case Enforcer::none:
    case Enforcer::mount:
    case Enforcer::capability_set:
      return "no cost";
    case Enforcer::landlock:
      return "a fraction of an open";
    case Enforcer::bpf:
    case Enforcer::cgroup:
      return "tens of ns";
    case Enforcer::notify:
      return "one round trip to the supervisor";
    case Enforcer::exec_stop:
      return "one round trip and one stop for each execve";
  }
  return "";
}

}  // namespace warder::policy
