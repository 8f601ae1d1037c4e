// Rules of config.json that span sections: what needs which namespace. No system calls.
#include <fmt/format.h>

#include "runtime/config/sections.h"

namespace warder::runtime::section {
namespace {

constexpr std::string_view ipc_sysctls[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                                            "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};

bool is_ipc_sysctl(std::string_view key) {
  if (key.starts_with("fs.mqueue.")) return true;
  for (std::string_view known : ipc_sysctls) {
    if (key == known) return true;
  }
  return false;
}

/// What a namespaced sysctl needs; "" where it may be set, otherwise what is accepted.
std::string_view sysctl_objection(std::string key, const Linux& config) {
  std::size_t separator = key.find_first_of("./");
  // Written with slashes, a dot is part of a name (net/ipv4/conf/eth0.1/…); the prefix tells all that matters here.
  if (separator != std::string::npos && key[separator] == '/') {
    for (char& letter : key) {
      if (letter == '/') letter = '.';
    }
  }
  if (is_ipc_sysctl(key)) return config.find(NamespaceType::ipc) != nullptr ? "" : "this sysctl with an ipc namespace only";
  if (key.starts_with("net.")) {
    return config.find(NamespaceType::network) != nullptr ? "" : "this sysctl with a network namespace only";
  }
  if (key == "kernel.domainname")
    return config.find(NamespaceType::uts) != nullptr ? "" : "this sysctl with a uts namespace only";
  if (key == "kernel.hostname") return "no kernel.hostname; use \"hostname\"";
  if (key.starts_with("user."))
    return config.find(NamespaceType::user) != nullptr ? "" : "this sysctl with a user namespace only";
  return "a sysctl of the container's own namespaces; this one belongs to the whole machine";
}

void uts_rules(const Node& root, const Spec& spec) {
  if (spec.linux_.find(NamespaceType::uts) != nullptr) return;
  if (!spec.hostname.empty()) root.child("hostname").refuse("a hostname with a uts namespace only");
  if (!spec.domainname.empty()) root.child("domainname").refuse("a domainname with a uts namespace only");
}

void user_namespace_rules(const Node& linux_node, const Linux& config) {
  bool mapped = !config.uid_mappings.empty() || !config.gid_mappings.empty();
  const Namespace* user = config.find(NamespaceType::user);
  if (user == nullptr && mapped) {
    linux_node.child("uidMappings").refuse("id mappings with a user namespace only");
  }
  if (config.makes(NamespaceType::user)) {
    // Neither: the caller's own ids, which the runtime adds.
    bool half = config.uid_mappings.empty() != config.gid_mappings.empty();
    if (half && config.uid_mappings.empty())
      linux_node.child("uidMappings").refuse("mappings beside those of the groups, or neither");
    if (half && config.gid_mappings.empty())
      linux_node.child("gidMappings").refuse("mappings beside those of the users, or neither");
  }
}

void net_device_rules(const Node& linux_node, const Linux& config) {
  if (config.net_devices.empty()) return;
  Node node = linux_node.child("netDevices");
  if (config.find(NamespaceType::network) == nullptr) {
    node.refuse("network devices with a network namespace only (unable to move network devices without a NET namespace)");
  }
}

/// As the reference implementation: what an agent could not answer, and what nobody would hand it to.
void seccomp_rules(const Node& seccomp_node, const Seccomp& config) {
  Node calls = seccomp_node.child("syscalls");
  bool notifies = false;
  for (const SeccompSyscall& rule : config.syscalls) {
    if (rule.action != SeccompAction::notify) continue;
    notifies = true;
    for (const std::string& name : rule.names) {
      if (name == "write")
        calls.refuse("other calls (SCMP_ACT_NOTIFY cannot be used for the write syscall: it hands the listener over)");
    }
  }
  if (config.default_action == SeccompAction::notify) {
    seccomp_node.child("defaultAction").refuse("another default action (SCMP_ACT_NOTIFY cannot be used as default action)");
  }
  if (!notifies) return;
  Node listener = seccomp_node.child("listenerPath");
  if (!config.listener_path.starts_with('/')) {
    listener.refuse("the absolute path of the agent's socket, which SCMP_ACT_NOTIFY needs");
  }
}

}  // namespace

void across(const Node& root, const Spec& spec) {
  const Linux& config = spec.linux_;
  Node linux_node = root.child("linux");
  uts_rules(root, spec);
  user_namespace_rules(linux_node, config);
  if (config.find(NamespaceType::mount) == nullptr) {
    linux_node.child("namespaces").refuse("a list with a mount namespace in it");
  }
  if (!config.time_offsets.empty() && !config.makes(NamespaceType::time)) {
    linux_node.child("timeOffsets").refuse("offsets with a new time namespace only");
  }
  net_device_rules(linux_node, config);
  if (config.seccomp) seccomp_rules(linux_node.child("seccomp"), *config.seccomp);
  Node sysctl = linux_node.child("sysctl");
  for (const auto& [key, value] : config.sysctl) {
    std::string_view objection = sysctl_objection(key, config);
    if (!objection.empty()) sysctl.child(key).refuse(objection);
    const bool name = key == "kernel.domainname" || key == "kernel/domainname";
    if (name && !spec.domainname.empty() && value != spec.domainname) sysctl.child(key).refuse("the same as \"domainname\"");
  }
}

}  // namespace warder::runtime::section
