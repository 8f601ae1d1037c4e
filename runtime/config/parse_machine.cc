// config.json: what a container takes from the machine besides cgroups: network devices, a NUMA policy, cache and bandwidth
// classes. No system calls.
#include <fmt/format.h>
#include <linux/mempolicy.h>
#include <net/if.h>

#include <charconv>

#include "runtime/config/sections.h"

namespace warder::runtime::section {
namespace {

constexpr std::int32_t weighted_interleave = 6;  // MPOL_WEIGHTED_INTERLEAVE, Linux 6.9
constexpr unsigned most_nodes = 1024;            // the largest CONFIG_NODES_SHIFT is 10

constexpr Word<std::int32_t> policy_modes[] = {{"MPOL_DEFAULT", MPOL_DEFAULT},
                                               {"MPOL_PREFERRED", MPOL_PREFERRED},
                                               {"MPOL_BIND", MPOL_BIND},
                                               {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                               {"MPOL_LOCAL", MPOL_LOCAL},
                                               {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                               {"MPOL_WEIGHTED_INTERLEAVE", weighted_interleave}};

constexpr Word<std::uint32_t> policy_flags[] = {{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
                                                {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                                {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}};

/// "0-3,7": false where it is none, or names a node that no kernel has.
bool read_nodes(std::string_view text, std::vector<std::uint64_t>& nodes) {
  constexpr unsigned bits = 64;
  auto number = [](std::string_view digits, unsigned& out) {
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return !digits.empty() && error == std::errc() && end == digits.data() + digits.size() && out < most_nodes;
  };
  nodes.clear();
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    std::size_t dash = part.find('-');
    unsigned first = 0, last = 0;
    if (!number(part.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && !number(part.substr(dash + 1), last)) return false;
    if (last < first) return false;
    nodes.resize(std::max<std::size_t>(nodes.size(), last / bits + 1));
    for (unsigned node = first; node <= last; ++node) nodes[node / bits] |= std::uint64_t{1} << node % bits;
  }
  return true;
}

/// What the kernel takes as a device's name.
bool good_device_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") return false;
  for (char letter : name) {
    if (letter == '/' || letter == ':' || static_cast<unsigned char>(letter) <= ' ') return false;
  }
  return true;
}

bool good_class_name(std::string_view name) {
  return name != "." && name != ".." && name.find('/') == std::string_view::npos && name.find('\n') == std::string_view::npos;
}

}  // namespace

void net_devices(const Node& node, std::vector<NetDevice>& out) {
  node.each_member([&](const std::string& host_name, const Node& value) {
    if (!value.is_object()) return value.require("an object");
    NetDevice device{.host_name = host_name, .name = host_name};
    if (!good_device_name(host_name)) return value.refuse("a name of 1 to 15 letters without '/', ':' and blanks");
    std::string name;
    if (value.child("name").read(name) && !name.empty()) device.name = name;
    if (!good_device_name(device.name))
      return value.child("name").refuse("a name of 1 to 15 letters without '/', ':' and blanks");
    for (const NetDevice& other : out) {
      if (other.name == device.name) return value.refuse("each name in the container once");
    }
    out.push_back(std::move(device));
  });
}

void memory_policy(const Node& node, std::optional<supervisor::MemoryPolicyPlan>& out) {
  if (!node.is_object() || node.empty()) return;
  supervisor::MemoryPolicyPlan plan;
  Node mode = node.child("mode");
  if (!mode.present()) mode.refuse("a mode MPOL_… (invalid memory policy mode)");
  if (!read_word(mode, policy_modes, plan.mode, " (invalid memory policy mode)")) return;
  std::string nodes;
  if (node.child("nodes").read(nodes) && !read_nodes(nodes, plan.nodes)) {
    node.child("nodes").refuse("a list of nodes below 1024 like \"0-3,7\" (invalid memory policy node)");
  }
  node.child("flags").each([&](const Node& element) {
    std::uint32_t flag = 0;
    if (read_word(element, policy_flags, flag, " (invalid memory policy flag)")) plan.flags |= flag;
  });
  out = std::move(plan);
}

void intel_rdt(const Node& node, std::optional<IntelRdt>& out) {
  if (!node.is_object() || node.empty()) return;
  IntelRdt rdt;
  if (node.child("closID").read(rdt.class_id) && !good_class_name(rdt.class_id)) {
    node.child("closID").refuse("the name of one directory below /sys/fs/resctrl");
  }
  auto add_schema = [&](const char* key, std::string_view prefix) {
    std::string text;
    Node member = node.child(key);
    if (!member.read(text) || text.empty()) return;
    if (!text.starts_with(prefix)) return member.refuse(fmt::format("lines that begin with \"{}\"", prefix));
    rdt.schemata.push_back(std::move(text));
  };
  add_schema("l3CacheSchema", "L3");
  add_schema("memBwSchema", "MB:");
  node.child("schemata").each([&](const Node& element) {
    std::string line;
    if (!element.read(line)) return element.require("a line of the schemata file");
    if (line.find('\n') != std::string::npos) return element.refuse("one line");
    rdt.schemata.push_back(std::move(line));
  });
  node.child("enableMonitoring").read(rdt.monitoring);
  for (const char* key : {"enableCMT", "enableMBM"}) {
    bool wanted = false;
    if (node.child(key).read(wanted)) rdt.monitoring = rdt.monitoring || wanted;
  }
  out = std::move(rdt);
}

}  // namespace warder::runtime::section
