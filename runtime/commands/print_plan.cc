// `warder create --dry-run`: the plan as JSON. The host process of `create`; reads only.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>

#include <nlohmann/json.hpp>

#include "linux/open.h"
#include "policy/core/compiled.h"
#include "runtime/commands/container_plan.h"
#include "runtime/config/parse.h"

namespace warder::runtime {
namespace {

using json = nlohmann::ordered_json;

json names_of(std::uint64_t capabilities) {
  json names = json::array();
  for (int number = 0; number < known_capabilities; ++number) {
    if ((capabilities >> number & 1U) != 0) names.push_back(capability_name(number));
  }
  return names;
}

std::string place_of(const policy::Source& source) {
  return fmt::format("{}:{}", source.file != nullptr ? *source.file : "builtin", source.line);
}

json profile_part(const PolicyPlan& plan, const policy::Compiled& compiled) {
  json layers = json::array();
  for (const ProfileState::Layer& layer : plan.state.layers) {
    layers.push_back({{"name", layer.name}, {"file", layer.file}, {"hash", layer.hash}});
  }
  json entries = json::array();
  for (const policy::EntryReport& entry : plan.lowered.entries) {
    json enforcers = json::array();
    for (policy::Enforcer enforcer : entry.enforcers) enforcers.push_back(policy::enforcer_name(enforcer));
    entries.push_back({{"entry", entry.text},
                       {"place", place_of(entry.source)},
                       {"enforcers", std::move(enforcers)},
                       {"silent", entry.silent}});
  }
  json trapped = json::array();
  for (const policy::CallReport& call : plan.lowered.calls) {
    bool asks = call.enforcer == policy::Enforcer::notify || call.enforcer == policy::Enforcer::exec_stop;
    if (asks) trapped.push_back({{"call", call.name}, {"when", call.when}, {"because", call.reason}});
  }
  return {{"name", plan.state.name},
          {"file", plan.state.file},
          {"hash", plan.state.hash},
          {"layers", std::move(layers)},
          {"listener", compiled.needs_listener()},
          {"filterInstructions", compiled.filter().size()},
          {"landlockRules", compiled.landlock_path_count() + compiled.landlock_port_count()},
          {"entries", std::move(entries)},
          {"trapped", std::move(trapped)}};
}

json process_part(const supervisor::ProcessPlan& process) {
  const supervisor::CapabilitySets& sets = process.capabilities;
  return {{"args", process.args},
          {"env", process.env},
          {"cwd", process.cwd},
          {"uid", process.uid},
          {"gid", process.gid},
          {"groups", process.groups},
          {"terminal", process.terminal},
          {"noNewPrivileges", process.no_new_privileges},
          {"capabilities",
           {{"bounding", names_of(sets.bounding)},
            {"effective", names_of(sets.effective)},
            {"inheritable", names_of(sets.inheritable)},
            {"permitted", names_of(sets.permitted)},
            {"ambient", names_of(sets.ambient)}}},
          {"seccompInstructions", process.seccomp_program.size() / sizeof(sock_filter)}};
}

json namespaces_part(const Linux& config) {
  json list = json::array();
  for (const Namespace& entry : config.namespaces) {
    json item{{"type", namespace_word(entry.type)}, {"step", entry.path.empty() ? "make" : "join"}};
    if (!entry.path.empty()) item["path"] = entry.path;
    list.push_back(std::move(item));
  }
  return list;
}

json mounts_part(const std::vector<Mount>& mounts) {
  json list = json::array();
  for (const Mount& mount : mounts) {
    list.push_back(
        {{"destination", mount.destination}, {"type", mount.type}, {"source", mount.source}, {"options", mount.options}});
  }
  return list;
}

json hooks_part(const Hooks& hooks) {
  auto paths = [](const std::vector<Hook>& list) {
    json out = json::array();
    for (const Hook& hook : list) out.push_back(hook.path);
    return out;
  };
  return {{"prestart", paths(hooks.prestart)},
          {"createRuntime", paths(hooks.create_runtime)},
          {"createContainer", paths(hooks.create_container)},
          {"startContainer", paths(hooks.start_container)},
          {"poststart", paths(hooks.poststart)},
          {"poststop", paths(hooks.poststop)}};
}

}  // namespace

Result<void> print_plan(const Context& context, const CreateOptions& options, const Spec& spec) {
  WARDER_TRY(check_container_id(options.id));
  Fd rootfs = WARDER_TRY_WITH(kernel::open_path(spec.root.path, O_PATH | O_DIRECTORY | O_NOFOLLOW), "root.path");
  PolicyPlan policy = WARDER_TRY(plan_policy(context, options.id, spec, rootfs, Detail::reported));
  supervisor::Boot boot = WARDER_TRY(plan_boot(context, options, spec, rootfs, policy));
  auto compiled = WARDER_TRY(policy::Compiled::open(policy.lowered.block));
  json plan{{"id", options.id},
            {"bundle", options.bundle},
            {"stateDirectory", context.root.path + "/" + options.id},
            {"rootfs", spec.root.path},
            {"readonly", spec.root.read_only},
            {"hostname", spec.hostname},
            {"profile", profile_part(policy, compiled)},
            {"cgroup", {{"manager", context.options.cgroup_manager}, {"path", spec.linux_.cgroups_path}}},
            {"namespaces", namespaces_part(spec.linux_)},
            {"mounts", mounts_part(spec.mounts)},
            {"hooks", hooks_part(spec.hooks)},
            {"process", process_part(boot.process)},
            {"supervisorCapabilities", names_of(boot.supervisor_capabilities)}};
  return print(plan.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace warder::runtime
