// Planning an exec session. The host process of `exec`.
#include "runtime/commands/session.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "policy/core/compiled.h"
#include "runtime/commands/process_plan.h"
#include "runtime/commands/user_word.h"
#include "runtime/config/parse.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

/// What a session takes from the container unless it says something else.
void inherit(supervisor::ProcessPlan& plan, const supervisor::ProcessPlan& container) {
  plan.seccomp_program = container.seccomp_program;
  plan.seccomp_flags = container.seccomp_flags;
  plan.seccomp_agent = container.seccomp_agent;
  plan.seccomp_metadata = container.seccomp_metadata;
  plan.memory_policy = container.memory_policy;
  plan.set_groups = container.set_groups;
  plan.personality = container.personality;
  if (plan.rlimits.empty()) plan.rlimits = container.rlimits;
  if (plan.apparmor_profile.empty()) plan.apparmor_profile = container.apparmor_profile;
  if (plan.selinux_label.empty()) plan.selinux_label = container.selinux_label;
  if (!plan.scheduler) plan.scheduler = container.scheduler;
  if (!plan.io_priority) plan.io_priority = container.io_priority;
  if (!plan.oom_score_adj) plan.oom_score_adj = container.oom_score_adj;
  if (plan.cpu_affinity_initial.empty()) plan.cpu_affinity_initial = container.cpu_affinity_initial;
  if (plan.cpu_affinity_final.empty()) plan.cpu_affinity_final = container.cpu_affinity_final;
}

Result<supervisor::ProcessPlan> plan_from_file(const Context& context, const std::string& path,
                                               const supervisor::ProcessPlan& container, ConsoleSize& console_size) {
  std::string text = WARDER_TRY_WITH(read_text_file(BorrowedFd(AT_FDCWD), path), "--process");
  Warnings warnings;
  Process process = WARDER_TRY(parse_process(text, warnings));
  for (const std::string& warning : warnings) context.log.warning(warning);
  console_size = process.console_size;
  supervisor::ProcessPlan plan = WARDER_TRY(plan_process(process));
  if (!process.capabilities_given) plan.capabilities = container.capabilities;
  inherit(plan, container);
  return plan;
}

Result<supervisor::ProcessPlan> plan_from_container(const SessionOptions& options, const supervisor::ProcessPlan& container) {
  if (options.args.empty()) return Error::user("exec needs a program; accepted: exec ID PROGRAM [ARGUMENT…], or --process FILE");
  supervisor::ProcessPlan plan;
  plan.args = options.args;
  plan.env = container.env;
  plan.cwd = container.cwd;
  plan.uid = container.uid;
  plan.gid = container.gid;
  plan.groups = container.groups;
  plan.umask = container.umask;
  plan.capabilities = container.capabilities;
  plan.no_new_privileges = container.no_new_privileges;
  inherit(plan, container);
  return plan;
}

Result<void> apply_user(const SessionOptions& options, supervisor::ProcessPlan& plan) {
  if (options.user) {
    auto user = parse_user(*options.user);
    if (!user) return Error::user(fmt::format("--user '{}'; accepted: UID or UID:GID in plain decimal numbers", *options.user));
    plan.uid = user->uid;
    // As under the other runtimes, "UID" alone keeps the container's group.
    if (user->gid) plan.gid = *user->gid;
  }
  for (const std::string& word : options.additional_gids) {
    auto gid = parse_id(word);
    if (!gid) return Error::user(fmt::format("--additional-gids '{}'; accepted: a plain decimal number", word));
    plan.groups.push_back(*gid);
  }
  return {};
}

/// A capability asked for is bounding, effective and permitted; it becomes inheritable or ambient only where the container has it
/// so (CVE-2022-29162, CVE-2025-27612).
void apply_capabilities(const SessionOptions& options, supervisor::ProcessPlan& plan, const Log& log) {
  for (const std::string& word : options.capabilities) {
    auto number = parse_capability(word);
    if (!number) {  // as in config.json: one that this version does not know is none that it could give
      log.warning(fmt::format("--cap '{}': ignored, no capability that is known here", word));
      continue;
    }
    std::uint64_t bit = std::uint64_t{1} << *number;
    plan.capabilities.bounding |= bit;
    plan.capabilities.effective |= bit;
    plan.capabilities.permitted |= bit;
  }
}

Result<void> apply_rest(const SessionOptions& options, supervisor::ProcessPlan& plan) {
  if (options.cwd) {
    if (!options.cwd->starts_with('/')) return Error::user(fmt::format("--cwd '{}'; accepted: an absolute path", *options.cwd));
    plan.cwd = *options.cwd;
  }
  for (const std::string& entry : options.env) {
    if (entry.find('=') == std::string::npos || entry.front() == '=') {
      return Error::user(fmt::format("--env '{}'; accepted: NAME=VALUE", entry));
    }
    std::string_view name = std::string_view(entry).substr(0, entry.find('=') + 1);
    std::erase_if(plan.env, [name](const std::string& other) { return other.starts_with(name); });
    plan.env.push_back(entry);
  }
  if (options.tty) plan.terminal = true;
  if (options.no_new_privileges) plan.no_new_privileges = true;
  if (!options.apparmor_profile.empty()) plan.apparmor_profile = options.apparmor_profile;
  if (!options.selinux_label.empty()) plan.selinux_label = options.selinux_label;
  plan.preserve_fds = options.preserve_fds;
  return {};
}

}  // namespace

Result<SessionPlan> plan_session(const Context& context, const SessionOptions& options, supervisor::Boot container) {
  SessionPlan session;
  supervisor::ProcessPlan plan =
      options.process_file.empty()
          ? WARDER_TRY(plan_from_container(options, container.process))
          : WARDER_TRY(plan_from_file(context, options.process_file, container.process, session.console_size));
  WARDER_TRY(apply_user(options, plan));
  apply_capabilities(options, plan, context.log);
  WARDER_TRY(apply_rest(options, plan));
  pass_activation_sockets(plan);
  auto compiled = WARDER_TRY_WITH(policy::Compiled::open(container.compiled), "compiled profile");
  CapabilityLimits limits{.ceiling = compiled.capability_ceiling(),
                          .grantable = grantable_capabilities(container.own_user_namespace)};
  limit_capabilities(plan.capabilities, limits, context.log);
  container.process = std::move(plan);
  session.boot = std::move(container);
  return session;
}

}  // namespace warder::runtime
