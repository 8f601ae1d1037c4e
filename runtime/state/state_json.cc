// state.json's text: written and read by the same version of warder, read by people. No system calls.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/state/container_state.h"

namespace warder::runtime {
namespace {

using nlohmann::json;

constexpr int format_version = 2;

json write_process(const ProcessIdentity& process) { return {{"pid", process.pid}, {"startTime", process.start_time}}; }

json write_hooks(const std::vector<Hook>& hooks) {
  json list = json::array();
  for (const Hook& hook : hooks) {
    json entry{{"path", hook.path}, {"args", hook.args}, {"env", hook.env}};
    if (hook.timeout_seconds) entry["timeout"] = *hook.timeout_seconds;
    list.push_back(std::move(entry));
  }
  return list;
}

json write_cgroup(const CgroupState& cgroup) {
  json directories = json::array();
  for (const CgroupState::Directory& directory : cgroup.directories) {
    directories.push_back(
        {{"controllers", directory.controllers}, {"directory", directory.directory}, {"created", directory.created}});
  }
  return {{"manager", cgroup.manager},
          {"path", cgroup.path},
          {"directories", std::move(directories)},
          {"guard", cgroup.guard},
          {"systemdScope", cgroup.systemd_scope}};
}

json write_profile(const ProfileState& profile) {
  json layers = json::array();
  for (const ProfileState::Layer& layer : profile.layers) {
    layers.push_back({{"name", layer.name}, {"file", layer.file}, {"hash", layer.hash}});
  }
  return {{"name", profile.name}, {"file", profile.file}, {"hash", profile.hash}, {"layers", std::move(layers)}};
}

// at() throws where a member is missing, get() where it has another type: state_from_json() turns both into one error.
ProcessIdentity read_process(const json& node) {
  return {.pid = node.at("pid").get<pid_t>(), .start_time = node.at("startTime").get<std::uint64_t>()};
}

std::vector<Hook> read_hooks(const json& list) {
  std::vector<Hook> hooks;
  for (const json& entry : list) {
    Hook hook;
    entry.at("path").get_to(hook.path);
    entry.at("args").get_to(hook.args);
    entry.at("env").get_to(hook.env);
    if (entry.contains("timeout")) hook.timeout_seconds = entry.at("timeout").get<std::uint32_t>();
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

CgroupState read_cgroup(const json& node) {
  CgroupState cgroup;
  node.at("manager").get_to(cgroup.manager);
  node.at("path").get_to(cgroup.path);
  node.at("systemdScope").get_to(cgroup.systemd_scope);
  cgroup.guard = node.value("guard", "");
  for (const json& entry : node.at("directories")) {
    cgroup.directories.push_back({.controllers = entry.at("controllers").get<std::string>(),
                                  .directory = entry.at("directory").get<std::string>(),
                                  .created = entry.at("created").get<bool>()});
  }
  return cgroup;
}

ProfileState read_profile(const json& node) {
  ProfileState profile;
  node.at("name").get_to(profile.name);
  node.at("file").get_to(profile.file);
  node.at("hash").get_to(profile.hash);
  for (const json& entry : node.at("layers")) {
    profile.layers.push_back({.name = entry.at("name").get<std::string>(),
                              .file = entry.at("file").get<std::string>(),
                              .hash = entry.at("hash").get<std::string>()});
  }
  return profile;
}

ContainerState read_state(const json& node) {
  ContainerState state;
  node.at("ociVersion").get_to(state.oci_version);
  node.at("id").get_to(state.id);
  node.at("bundle").get_to(state.bundle);
  node.at("rootfs").get_to(state.rootfs);
  node.at("created").get_to(state.created);
  node.at("owner").get_to(state.owner);
  node.at("rootless").get_to(state.rootless);
  node.at("annotations").get_to(state.annotations);
  state.init = read_process(node.at("init"));
  state.workload = read_process(node.at("workload"));
  node.at("privatePidNamespace").get_to(state.private_pid_namespace);
  node.at("ownUserNamespace").get_to(state.own_user_namespace);
  node.at("terminal").get_to(state.has_terminal);
  state.cgroup = read_cgroup(node.at("cgroup"));
  node.at("resctrl").get_to(state.resctrl_groups);
  state.profile = read_profile(node.at("profile"));
  state.poststart = read_hooks(node.at("poststart"));
  state.poststop = read_hooks(node.at("poststop"));
  return state;
}

/// JSON text is UTF-8; a path or an annotation need not be, and must not stop a container for it.
std::string text_of(const json& node, int indent) { return node.dump(indent, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string state_to_json(const ContainerState& state) {
  json node{{"version", format_version},
            {"ociVersion", state.oci_version},
            {"id", state.id},
            {"bundle", state.bundle},
            {"rootfs", state.rootfs},
            {"created", state.created},
            {"owner", state.owner},
            {"rootless", state.rootless},
            {"annotations", state.annotations},
            {"init", write_process(state.init)},
            {"workload", write_process(state.workload)},
            {"privatePidNamespace", state.private_pid_namespace},
            {"ownUserNamespace", state.own_user_namespace},
            {"terminal", state.has_terminal},
            {"cgroup", write_cgroup(state.cgroup)},
            {"resctrl", state.resctrl_groups},
            {"profile", write_profile(state.profile)},
            {"poststart", write_hooks(state.poststart)},
            {"poststop", write_hooks(state.poststop)}};
  return text_of(node, 2) + "\n";
}

Result<ContainerState> state_from_json(std::string_view text) {
  json node = json::parse(text, nullptr, false);
  if (!node.is_object()) return Error::bug("state.json is not a JSON object");
  if (node.value("version", 0) != format_version) return Error::bug("state.json is of another version of warder");
  try {
    return read_state(node);
  } catch (const json::exception& failure) {
    return Error::bug(fmt::format("state.json: {}", failure.what()));
  }
}

std::string_view status_word(Status status) {
  switch (status) {
    case Status::creating:
      return "creating";
    case Status::created:
      return "created";
    case Status::running:
      return "running";
    case Status::paused:
      return "paused";
    case Status::stopped:
      return "stopped";
  }
  return "stopped";
}

std::string oci_state_json(const ContainerState& state, Status status, pid_t pid) {
  // In the order of the specification: some readers compare text.
  nlohmann::ordered_json node{{"ociVersion", state.oci_version}, {"id", state.id}, {"status", status_word(status)}};
  if (pid > 0) node["pid"] = pid;
  node["bundle"] = state.bundle;
  node["annotations"] = state.annotations;
  return node.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace warder::runtime
