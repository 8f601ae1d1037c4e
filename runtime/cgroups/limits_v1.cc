// linux.resources for cgroup v1. Pure.
#include <array>

#include "runtime/cgroups/limits.h"

namespace warder::runtime {

namespace {

template <class Number>
void add(std::vector<CgroupWrite>& writes, const char* controller, const char* file, const std::optional<Number>& value) {
  if (value) writes.push_back({controller, file, std::to_string(*value), false, false});
}

void add_cpu(std::vector<CgroupWrite>& writes, const CpuResources& cpu) {
  add(writes, "cpu", "cpu.shares", cpu.shares);
  add(writes, "cpu", "cpu.rt_period_us", cpu.realtime_period);
  add(writes, "cpu", "cpu.rt_runtime_us", cpu.realtime_runtime);
  if (cpu.period) writes.push_back({"cpu", "cpu.cfs_period_us", std::to_string(*cpu.period), false, true});
  add(writes, "cpu", "cpu.cfs_quota_us", cpu.quota);
  add(writes, "cpu", "cpu.cfs_burst_us", cpu.burst);
  add(writes, "cpu", "cpu.idle", cpu.idle);
  if (!cpu.cpus.empty()) writes.push_back({"cpuset", "cpuset.cpus", cpu.cpus, false, false});
  if (!cpu.mems.empty()) writes.push_back({"cpuset", "cpuset.mems", cpu.mems, false, false});
}

void add_memory(std::vector<CgroupWrite>& writes, const MemoryResources& memory) {
  bool both = memory.limit && memory.swap;
  if (memory.limit) writes.push_back({"memory", "memory.limit_in_bytes", std::to_string(*memory.limit), false, both});
  if (memory.swap) writes.push_back({"memory", "memory.memsw.limit_in_bytes", std::to_string(*memory.swap), true, false});
  add(writes, "memory", "memory.soft_limit_in_bytes", memory.reservation);
  add(writes, "memory", "memory.swappiness", memory.swappiness);
  if (memory.disable_oom_killer.value_or(false)) writes.push_back({"memory", "memory.oom_control", "1", false, false});
}

std::string device_number(std::int64_t major, std::int64_t minor) { return std::to_string(major) + ":" + std::to_string(minor); }

void add_throttles(std::vector<CgroupWrite>& writes, const char* file, const std::vector<ThrottleDevice>& devices) {
  for (const ThrottleDevice& device : devices) {
    writes.push_back(
        {"blkio", file, device_number(device.major, device.minor) + " " + std::to_string(device.rate), false, false});
  }
}

void add_block_io(std::vector<CgroupWrite>& writes, const BlockIoResources& io) {
  // The weight lives with whichever scheduler the kernel has; neither is there without one.
  if (io.weight) {
    writes.push_back({"blkio", "blkio.weight", std::to_string(*io.weight), true, false});
    writes.push_back({"blkio", "blkio.bfq.weight", std::to_string(*io.weight), true, false});
  }
  if (io.leaf_weight) writes.push_back({"blkio", "blkio.leaf_weight", std::to_string(*io.leaf_weight), true, false});
  for (const WeightDevice& device : io.weight_device) {
    std::string number = device_number(device.major, device.minor) + " ";
    if (device.weight) writes.push_back({"blkio", "blkio.weight_device", number + std::to_string(*device.weight), true, false});
    if (device.weight)
      writes.push_back({"blkio", "blkio.bfq.weight_device", number + std::to_string(*device.weight), true, false});
    if (device.leaf_weight) {
      writes.push_back({"blkio", "blkio.leaf_weight_device", number + std::to_string(*device.leaf_weight), true, false});
    }
  }
  add_throttles(writes, "blkio.throttle.read_bps_device", io.read_bps);
  add_throttles(writes, "blkio.throttle.write_bps_device", io.write_bps);
  add_throttles(writes, "blkio.throttle.read_iops_device", io.read_iops);
  add_throttles(writes, "blkio.throttle.write_iops_device", io.write_iops);
}

void add_others(std::vector<CgroupWrite>& writes, const Resources& resources) {
  if (resources.pids_limit) {
    std::string limit = *resources.pids_limit < 0 ? "max" : std::to_string(*resources.pids_limit);
    writes.push_back({"pids", "pids.max", limit, false, false});
  }
  for (const HugepageLimit& limit : resources.hugepage_limits) {
    std::string text = std::to_string(limit.limit);
    writes.push_back({"hugetlb", "hugetlb." + limit.page_size + ".limit_in_bytes", text, false, false});
    writes.push_back({"hugetlb", "hugetlb." + limit.page_size + ".rsvd.limit_in_bytes", text, true, false});
  }
  add(writes, "net_cls", "net_cls.classid", resources.network_class_id);
  for (const NetworkPriority& priority : resources.network_priorities) {
    writes.push_back({"net_prio", "net_prio.ifpriomap", priority.name + " " + std::to_string(priority.priority), false, false});
  }
  for (const auto& [device, limit] : resources.rdma) {
    std::string text = device;
    if (limit.hca_handles) text += " hca_handle=" + std::to_string(*limit.hca_handles);
    if (limit.hca_objects) text += " hca_object=" + std::to_string(*limit.hca_objects);
    writes.push_back({"rdma", "rdma.max", text, false, false});
  }
}

DeviceRule allow(char type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor) {
  DeviceRule rule;
  rule.allow = true;
  rule.type = type;
  rule.major = major;
  rule.minor = minor;
  return rule;
}

DeviceRule allow_mknod(char type) {
  DeviceRule rule = allow(type, {}, {});
  rule.read = rule.write = false;
  return rule;
}

}  // namespace

std::vector<CgroupWrite> limits_v1(const Resources& written) {
  const Resources resources = given_limits(written);
  std::vector<CgroupWrite> writes;
  add_memory(writes, resources.memory);
  add_cpu(writes, resources.cpu);
  add_block_io(writes, resources.block_io);
  add_others(writes, resources);
  return writes;
}

std::vector<DeviceRule> effective_device_rules(const std::vector<DeviceRule>& given) {
  std::vector<DeviceRule> rules;
  if (given.empty()) rules.push_back(DeviceRule{});
  rules.insert(rules.end(), given.begin(), given.end());
  // Making a node gives no access to the device behind it; package managers unpack nodes.
  rules.push_back(allow_mknod('c'));
  rules.push_back(allow_mknod('b'));
  for (std::int64_t minor : {3, 5, 7, 8, 9}) rules.push_back(allow('c', 1, minor));  // null, zero, full, random, urandom
  for (std::int64_t minor : {0, 1, 2}) rules.push_back(allow('c', 5, minor));        // tty, console, ptmx
  rules.push_back(allow('c', 136, {}));                                              // the slaves of /dev/pts
  return rules;
}

std::string device_rule_text(const DeviceRule& rule) {
  std::string text(1, rule.type);
  text += ' ' + (rule.major ? std::to_string(*rule.major) : "*") + ':' + (rule.minor ? std::to_string(*rule.minor) : "*") + ' ';
  if (rule.read) text += 'r';
  if (rule.write) text += 'w';
  if (rule.mknod) text += 'm';
  return text;
}

}  // namespace warder::runtime
