// From config.json and a profile to what warder-init is told. The host process of `create` and `run`; reads profiles, the rootfs
// and the kernel's features, changes nothing but the cache of compiled filters.
#include "runtime/commands/container_plan.h"

#include <fmt/format.h>

#include "linux/facts.h"
#include "policy/load.h"
#include "runtime/cgroups/address_guard.h"
#include "runtime/commands/home_directory.h"
#include "runtime/commands/process_plan.h"
#include "runtime/commands/profile_cache.h"
#include "runtime/commands/rootfs_facts.h"
#include "runtime/oci_seccomp.h"
#include "runtime/state/profile_snapshot.h"

namespace warder::runtime {
namespace {

constexpr std::string_view profile_annotation = "io.warder.profile";
constexpr std::string_view mode_annotation = "io.warder.mode";

supervisor::HookPlan hook_plan(const Hook& hook) {
  return {.path = hook.path, .args = hook.args, .env = hook.env, .timeout_seconds = hook.timeout_seconds.value_or(0)};
}

Result<void> plan_seccomp(const Context& context, const Seccomp& config, const PolicyPlan& policy,
                          supervisor::ProcessPlan& plan) {
  if (notifies(config)) {
    // A listener belongs to one filter of a process only: the kernel answers EBUSY to a second one.
    if (policy.needs_listener) {
      return Error::user(
          fmt::format("linux.seccomp: found SCMP_ACT_NOTIFY; accepted: no notification agent under profile '{}', whose own rules "
                      "need the only "
                      "listener that the kernel grants a process",
                      policy.state.name));
    }
    plan.seccomp_agent = config.listener_path;
    plan.seccomp_metadata = config.listener_metadata;
  }
  auto program = WARDER_TRY_WITH(compile_seccomp_cached(config, context.root.path + "/@seccomp"), "seccomp");
  plan.seccomp_program = std::move(program.filter);
  plan.seccomp_flags = program.flags;
  context.log.debug(fmt::format("seccomp filter flags: {}", program.flags));
  return {};
}

}  // namespace

std::string profile_snapshot(const policy::Profile& profile, const std::string& hostname) {
  policy::Snapshot snapshot = policy::snapshot_of(profile);
  snapshot.hostname = hostname;
  return snapshot_to_json(snapshot);
}

ProfileState profile_state(const policy::Profile& profile) {
  ProfileState state{.name = profile.name, .file = "builtin", .hash = profile.hash(), .layers = {}};
  for (const policy::Layer& layer : profile.layers) {
    std::string file = layer.source.file != nullptr ? *layer.source.file : "builtin";
    state.layers.push_back({.name = layer.name, .file = file, .hash = layer.hash});
    state.file = std::move(file);
  }
  return state;
}

namespace {

/// Programs of a cgroup hold whoever is in it: nothing that config.json gives the container may let it move elsewhere. What
/// warder mounts as cgroup file system shows the container's own directory alone.
bool has_guarded_cgroup(const Context& context, const Spec& spec) {
  if (context.rootless || spec.linux_.find(NamespaceType::user) != nullptr) return false;
  if (context.options.cgroup_manager != "cgroupfs") return false;
  for (const Mount& mount : spec.mounts) {
    const bool binds = mount.type != "cgroup" && mount.type != "cgroup2" && mount.source.starts_with('/');
    const std::string below = mount.source.ends_with('/') ? mount.source : mount.source + "/";
    if (binds && (below.starts_with("/sys/fs/cgroup/") || std::string_view("/sys/fs/cgroup/").starts_with(below))) return false;
    if (mount.type == "cgroup2" && mount.destination != "/sys/fs/cgroup") return false;
  }
  return can_guard_addresses();
}

}  // namespace

Result<PolicyPlan> plan_policy(const Context& context, const std::string& id, const Spec& spec, BorrowedFd rootfs,
                               Detail detail) {
  policy::LoadRequest request{.container_id = id,
                              .hostname = spec.hostname,
                              .domainname = spec.domainname,
                              .annotation = std::nullopt,
                              .mode = std::nullopt,
                              .joins_uts_namespace = false,
                              .where = policy::profile_directories(context.options.profile_dir, context.rootless)};
  const auto annotation = [&spec](std::string_view name) {
    const auto found = spec.annotations.find(std::string(name));
    return found != spec.annotations.end() ? std::optional(found->second) : std::nullopt;
  };
  request.annotation = annotation(profile_annotation);
  request.mode = annotation(mode_annotation);
  const Namespace* uts = spec.linux_.find(NamespaceType::uts);
  request.joins_uts_namespace = uts != nullptr && !uts->path.empty();

  policy::Location location = policy::locate_for_container(request);
  if (!location.profile) return Error::user(policy::findings_text(location.findings));
  const policy::Config config = location.config;
  PolicyPlan plan;
  plan.check_hooks = config.check_hooks;
  plan.hook_timeout_seconds = config.hook_timeout_seconds;
  const KernelFacts kernel = probe_kernel();
  ProfileCache cache(context.root.path + "/@profiles", request, *location.profile, kernel, rootfs_facts(rootfs, spec));
  std::optional<CompiledProfile> known;
  if (detail == Detail::enforced && location.findings.empty()) known = cache.find();
  if (known) {
    plan.lowered.block = std::move(known->block);
    plan.state = std::move(known->state);
    plan.snapshot = std::move(known->snapshot);
  } else {
    policy::LoadOutcome outcome = policy::load_located(request, std::move(location), &cache.asked_files());
    if (!outcome.profile) return Error::user(policy::findings_text(outcome.findings));
    for (const policy::Finding& finding : outcome.findings) context.log.warning(policy::finding_text(finding));
    bool asked_for_cgroup = false;
    policy::ContainerFacts facts = cache.recorded_facts();
    facts.has_guarded_cgroup = [&] {
      asked_for_cgroup = true;
      return has_guarded_cgroup(context, spec);
    };
    auto lowered = policy::lower(*outcome.profile, kernel, facts);
    if (!lowered.ok()) return std::move(lowered).error().with(fmt::format("profile '{}'", outcome.profile->name));
    plan.lowered = *std::move(lowered);
    plan.state = profile_state(*outcome.profile);
    plan.snapshot = profile_snapshot(*outcome.profile, spec.hostname);
    // What was warned of must be warned of again; what depends on this container's cgroup is no other's.
    if (detail == Detail::enforced && outcome.findings.empty() && !asked_for_cgroup)
      cache.keep({plan.lowered.block, plan.state, plan.snapshot});
  }
  auto compiled = WARDER_TRY_WITH(policy::Compiled::open(plan.lowered.block), "compiled profile");
  plan.capability_ceiling = compiled.capability_ceiling();
  plan.names_hosts = compiled.names_hosts();
  plan.audit = audit_target(config, context.options.audit_log, compiled.mode());
  plan.needs_listener = compiled.needs_listener();
  return plan;
}

Result<supervisor::Boot> plan_boot(const Context& context, const CreateOptions& options, const Spec& spec, BorrowedFd rootfs,
                                   const PolicyPlan& policy) {
  supervisor::Boot boot;
  boot.container_id = options.id;
  boot.hostname = spec.hostname;
  boot.private_pid_namespace = spec.linux_.makes(NamespaceType::pid);
  boot.own_user_namespace = spec.linux_.find(NamespaceType::user) != nullptr;
  boot.process = WARDER_TRY(plan_process(spec.process));
  complete_home(boot.process.env, rootfs, boot.process.uid);
  CapabilityLimits limits{.ceiling = policy.capability_ceiling, .grantable = grantable_capabilities(boot.own_user_namespace)};
  limit_capabilities(boot.process.capabilities, limits, context.log);
  const supervisor::CapabilitySets& sets = boot.process.capabilities;
  boot.supervisor_capabilities = sets.bounding | sets.permitted | sets.inheritable | sets.ambient;
  boot.process.set_groups = may_set_groups(spec.linux_, spec.annotations);
  boot.process.new_session_keyring = !options.no_new_keyring;
  boot.process.preserve_fds = options.preserve_fds;
  pass_activation_sockets(boot.process);
  if (spec.linux_.personality) boot.process.personality = spec.linux_.personality->domain;
  boot.process.memory_policy = spec.linux_.memory_policy;
  if (spec.linux_.seccomp) WARDER_TRY(plan_seccomp(context, *spec.linux_.seccomp, policy, boot.process));
  for (const Hook& hook : spec.hooks.start_container) {
    boot.process.start_container_hooks.push_back(hook_plan(hook));
    // As everywhere: one without variables of its own, which runs inside, sees the workload's.
    if (hook.env.empty()) boot.process.start_container_hooks.back().env = boot.process.env;
  }
  boot.compiled = policy.lowered.block;
  return boot;
}

}  // namespace warder::runtime
