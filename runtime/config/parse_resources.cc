// linux.resources, in config.json and in the file of `update`. No system calls.
#include <fmt/format.h>

#include "runtime/config/sections.h"

namespace warder::runtime::section {
namespace {

constexpr Word<char> rule_types[] = {{"a", 'a'}, {"c", 'c'}, {"b", 'b'}, {"", 'a'}};

void rule_access(const Node& node, DeviceRule& rule) {
  std::string access;
  if (!node.read(access) || access.empty()) return;
  rule.read = rule.write = rule.mknod = false;
  for (char letter : access) {
    if (letter == 'r') {
      rule.read = true;
    } else if (letter == 'w') {
      rule.write = true;
    } else if (letter == 'm') {
      rule.mknod = true;
    } else {
      return node.refuse("letters of \"rwm\"");
    }
  }
}

/// -1 stands for "any", as in the device files of cgroup v1.
void rule_number(const Node& node, std::optional<std::int64_t>& out) {
  std::int64_t number = 0;
  if (node.read(number, -1, 0xFFFFF) && number >= 0) out = number;
}

void device_rules(const Node& node, std::vector<DeviceRule>& out) {
  node.each([&](const Node& element) {
    if (!element.is_object()) return element.require("an object");
    DeviceRule rule;
    if (!element.child("allow").read(rule.allow)) element.child("allow").require("true or false");
    read_word(element.child("type"), rule_types, rule.type);
    rule_number(element.child("major"), rule.major);
    rule_number(element.child("minor"), rule.minor);
    rule_access(element.child("access"), rule);
    out.push_back(rule);
  });
}

void limit(const Node& node, std::optional<std::int64_t>& out) {
  std::int64_t value = 0;
  if (node.read(value, -1)) out = value;
}

void memory(const Node& node, MemoryResources& out) {
  if (!node.is_object()) return;
  limit(node.child("limit"), out.limit);
  limit(node.child("reservation"), out.reservation);
  limit(node.child("swap"), out.swap);
  limit(node.child("kernel"), out.kernel);
  limit(node.child("kernelTCP"), out.kernel_tcp);
  std::uint64_t swappiness = 0;
  if (node.child("swappiness").read(swappiness, 0, 200)) out.swappiness = swappiness;
  node.child("disableOOMKiller").read(out.disable_oom_killer);
  node.child("useHierarchy").read(out.use_hierarchy);
  node.child("checkBeforeUpdate").read(out.check_before_update);
  bool both = out.limit.value_or(0) > 0 && out.swap.value_or(0) > 0;
  if (both && *out.swap < *out.limit) node.child("swap").refuse("at least the memory limit (it counts memory and swap)");
}

void cpu(const Node& node, CpuResources& out) {
  if (!node.is_object()) return;
  node.child("shares").read(out.shares);
  limit(node.child("quota"), out.quota);
  node.child("period").read(out.period);
  node.child("burst").read(out.burst);
  node.child("realtimeRuntime").read(out.realtime_runtime);
  node.child("realtimePeriod").read(out.realtime_period);
  node.child("cpus").read(out.cpus);
  node.child("mems").read(out.mems);
  std::int64_t idle = 0;
  if (node.child("idle").read(idle, 0, 1)) out.idle = idle;
}

void throttle(const Node& node, std::vector<ThrottleDevice>& out) {
  node.each([&](const Node& element) {
    ThrottleDevice device;
    element.child("major").read(device.major, 0, 0xFFFFF);
    element.child("minor").read(device.minor, 0, 0xFFFFF);
    element.child("rate").read(device.rate);
    out.push_back(device);
  });
}

void block_weight(const Node& node, std::optional<std::uint16_t>& out) {
  std::uint16_t weight = 0;
  if (node.read(weight, 0, 1000) && weight != 0) out = weight;
}

void block_io(const Node& node, BlockIoResources& out) {
  if (!node.is_object()) return;
  block_weight(node.child("weight"), out.weight);
  block_weight(node.child("leafWeight"), out.leaf_weight);
  node.child("weightDevice").each([&](const Node& element) {
    WeightDevice device;
    element.child("major").read(device.major, 0, 0xFFFFF);
    element.child("minor").read(device.minor, 0, 0xFFFFF);
    block_weight(element.child("weight"), device.weight);
    block_weight(element.child("leafWeight"), device.leaf_weight);
    out.weight_device.push_back(device);
  });
  throttle(node.child("throttleReadBpsDevice"), out.read_bps);
  throttle(node.child("throttleWriteBpsDevice"), out.write_bps);
  throttle(node.child("throttleReadIOPSDevice"), out.read_iops);
  throttle(node.child("throttleWriteIOPSDevice"), out.write_iops);
}

/// A file name in a cgroup directory, which a value is written to: never a way out of it.
bool plain_file_name(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && name != "." && name != "..";
}

void hugepages(const Node& node, std::vector<HugepageLimit>& out) {
  node.each([&](const Node& element) {
    HugepageLimit entry;
    Node size = element.child("pageSize");
    size.require("a size like 2MB");
    bool good = size.read(entry.page_size) && entry.page_size.ends_with('B');
    for (char letter : entry.page_size) good = good && ((letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'Z'));
    if (size.present() && !good) size.refuse("a size like 2MB");
    element.child("limit").read(entry.limit);
    out.push_back(std::move(entry));
  });
}

void network(const Node& node, Resources& out) {
  if (!node.is_object()) return;
  node.child("classID").read(out.network_class_id);
  node.child("priorities").each([&](const Node& element) {
    NetworkPriority priority;
    if (!element.child("name").read(priority.name)) element.child("name").require("the name of a network device");
    element.child("priority").read(priority.priority);
    out.network_priorities.push_back(std::move(priority));
  });
}

void rdma(const Node& node, std::map<std::string, RdmaLimit>& out) {
  node.each_member([&](const std::string& device, const Node& value) {
    RdmaLimit entry;
    value.child("hcaHandles").read(entry.hca_handles);
    value.child("hcaObjects").read(entry.hca_objects);
    out.emplace(device, entry);
  });
}

void unified(const Node& node, std::map<std::string, std::string>& out) {
  node.each_member([&](const std::string& file, const Node& value) {
    std::string text;
    if (!plain_file_name(file)) return value.refuse("the name of a file in the cgroup");
    if (value.read(text)) out.emplace(file, std::move(text));
  });
}

}  // namespace

void resources(const Node& node, Resources& out) {
  device_rules(node.child("devices"), out.devices);
  memory(node.child("memory"), out.memory);
  cpu(node.child("cpu"), out.cpu);
  Node pids = node.child("pids");
  std::int64_t processes = 0;
  if (pids.is_object() && pids.child("limit").read(processes)) out.pids_limit = processes > 0 ? processes : -1;
  block_io(node.child("blockIO"), out.block_io);
  hugepages(node.child("hugepageLimits"), out.hugepage_limits);
  network(node.child("network"), out);
  rdma(node.child("rdma"), out.rdma);
  unified(node.child("unified"), out.unified);
}

}  // namespace warder::runtime::section
