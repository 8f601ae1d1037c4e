#include "policy/lower_report.h"

#include <algorithm>

#include "policy/hardening.h"

namespace warder::policy {
namespace {

std::string entry_text(const PathEntry& entry) {
  return "\"" + entry.pattern + "\": " + (entry.hide ? "hide" : rights_text(entry.allow));
}

EntryReport path_report(const Profile& profile, const PathEntry& entry, const EnforcedElsewhere& elsewhere,
                        const LandlockLowering& landlock, const MountLowering& mounts, bool checks_exec) {
  EntryReport report{entry.source, entry_text(entry), {}, false, ""};
  if (profile.mode == Mode::learn) {
    report.enforcers = {Enforcer::notify};
    report.note = "mode: learn records every use and refuses nothing";
    return report;
  }
  const Rights refused = entry.hide ? rights_all : rights_all.without(entry.allow);
  const Rights silent = refused & elsewhere.rights;
  const Rights in_mounts = in_read_only_tree(mounts, entry) ? silent & mounts.exact : Rights();
  const Rights in_landlock = silent & landlock.exact;
  const Rights elsewhere_not = (refused | entry.audit).without(silent);
  if (!in_mounts.empty()) report.enforcers.push_back(Enforcer::mount);
  if (!in_landlock.empty()) report.enforcers.push_back(Enforcer::landlock);
  if (!elsewhere_not.empty() || entry.hide) report.enforcers.push_back(Enforcer::notify);
  if (refused.any(Right::exec) && profile.mode == Mode::enforce && !in_landlock.any(Right::exec)) {
    report.enforcers.push_back(checks_exec ? Enforcer::exec_stop : Enforcer::landlock);
  }
  if (report.enforcers.empty()) report.enforcers.push_back(Enforcer::none);
  report.silent = !silent.empty();
  if (report.silent) {
    const char* const by = in_mounts.empty() ? " by Landlock" : in_landlock.empty() ? " by mounts" : " by mounts and Landlock";
    report.note = "audit: cheap; refusals of " + rights_text(silent) + by + " leave no line";
  }
  if (!report.silent && landlock.handled != 0 && !refused.empty() && profile.mode == Mode::enforce) {
    report.note = "Landlock stands behind the supervisor as a second wall";
  }
  return report;
}

void report_addresses(const std::optional<std::vector<AddressRule>>& rules, bool in_cgroup, std::vector<EntryReport>& reports) {
  if (!rules) return;
  for (const auto& rule : *rules) {
    const bool internet = rule.transport == Transport::tcp || rule.transport == Transport::udp;
    if (in_cgroup) {
      const bool none = !internet && rule.allow;
      reports.push_back(
          {rule.source,
           rule.text,
           {none ? Enforcer::none : Enforcer::cgroup},
           !none,
           none ? "" : "audit: cheap; the kernel asks a program of the container's cgroup, refusals leave no line"});
      continue;
    }
    const bool by_name = internet && !rule.name.empty();
    reports.push_back({rule.source,
                       rule.text,
                       {Enforcer::notify},
                       false,
                       by_name ? "the addresses that the container's resolver told for the name, as long as it says" : ""});
  }
}

EntryReport syscall_report(const Profile& profile, const SyscallRule& rule) {
  EntryReport report{rule.source, std::string(rule.allow ? "allow " : "deny ") + rule.word, {}, false, ""};
  if (rule.allow) {
    report.enforcers = {Enforcer::none};
    return report;
  }
  const bool in_program = profile.mode == Mode::enforce && profile.audit == Audit::cheap && !profile.live &&
                          profile.on_deny.action != DenyAction::stop_container;
  report.enforcers = {in_program ? Enforcer::bpf : Enforcer::notify};
  report.silent = in_program;
  if (in_program) report.note = "audit: cheap; refused by the seccomp program without a line";
  return report;
}

}  // namespace

std::vector<EntryReport> report_entries(const Profile& profile, const EnforcedElsewhere& elsewhere,
                                        const LandlockLowering& landlock, const MountLowering& mounts, bool checks_exec,
                                        const GuardableSections& guarded) {
  std::vector<EntryReport> reports;
  if (profile.paths) {
    for (const auto& entry : *profile.paths) {
      reports.push_back(path_report(profile, entry, elsewhere, landlock, mounts, checks_exec));
    }
  }
  if (profile.executable_mappings == ExecutableMappings::exec) {
    const bool enforced = profile.mode == Mode::enforce;
    reports.push_back(
        {profile.executable_mappings_source,
         "executable-mappings: exec",
         {enforced ? Enforcer::mount : Enforcer::none},
         enforced,
         enforced ? "noexec mounts; refusals leave no line" : "this mode refuses nothing, and does not see mappings"});
  }
  report_addresses(profile.network.connect, guarded.connect, reports);
  report_addresses(profile.network.bind, guarded.bind, reports);
  if (profile.network.families) {
    const bool in_program = profile.mode == Mode::enforce && profile.audit == Audit::cheap && !profile.live;
    reports.push_back({profile.network.families_source,
                       "families",
                       {in_program ? Enforcer::bpf : Enforcer::notify},
                       in_program,
                       in_program ? "audit: cheap; refused by the seccomp program without a line" : ""});
  }
  for (const auto& rule : profile.syscalls) reports.push_back(syscall_report(profile, rule));
  if (profile.capability_ceiling) {
    reports.push_back({profile.capabilities_source,
                       "capabilities: max",
                       {Enforcer::capability_set},
                       true,
                       "the workload never has more; what it lacks fails as the kernel says"});
  }
  return reports;
}

}  // namespace warder::policy
