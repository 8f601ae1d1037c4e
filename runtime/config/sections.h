// The sections of config.json, one function each; private to runtime/config.
#pragma once

#include <string>
#include <vector>

#include "runtime/config/node.h"
#include "runtime/config/parse.h"
#include "runtime/config/spec.h"

namespace warder::runtime::section {

void process(const Node& node, Process& out, Warnings& warnings);
void capabilities(const Node& node, Process& out, Warnings& warnings);
void mounts(const Node& node, std::vector<Mount>& out);
void hooks(const Node& node, Hooks& out);
void linux_section(const Node& node, Linux& out);
void resources(const Node& node, Resources& out);
void seccomp(const Node& node, Seccomp& out);
void net_devices(const Node& node, std::vector<NetDevice>& out);
void memory_policy(const Node& node, std::optional<supervisor::MemoryPolicyPlan>& out);
void intel_rdt(const Node& node, std::optional<IntelRdt>& out);
void id_mappings(const Node& node, std::vector<IdMapping>& out);

/// Rules that span sections: what needs which namespace.
void across(const Node& root, const Spec& spec);

/// Absolute, without "//", "/./" and a trailing "/"; nothing where it has a ".." component or is not absolute.
[[nodiscard]] std::optional<std::string> normal_path(std::string_view path);

}  // namespace warder::runtime::section
