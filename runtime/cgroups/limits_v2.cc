// linux.resources for cgroup v2. Pure.
#include <algorithm>

#include "runtime/cgroups/limits.h"

namespace warder::runtime {

namespace {

std::string limit_text(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

void add_cpu(std::vector<CgroupWrite>& writes, const CpuResources& cpu) {
  if (cpu.shares && *cpu.shares > 0) {
    writes.push_back({"cpu", "cpu.weight", std::to_string(weight_of_shares(*cpu.shares)), false, false});
  }
  if (cpu.idle) writes.push_back({"cpu", "cpu.idle", std::to_string(*cpu.idle), false, false});
  if (cpu.quota || cpu.period) {
    std::string text = cpu.quota && *cpu.quota > 0 ? std::to_string(*cpu.quota) : "max";
    if (cpu.period && *cpu.period > 0) text += " " + std::to_string(*cpu.period);
    writes.push_back({"cpu", "cpu.max", text, false, false});
  }
  if (cpu.burst) writes.push_back({"cpu", "cpu.max.burst", std::to_string(*cpu.burst), false, false});
  if (!cpu.cpus.empty()) writes.push_back({"cpuset", "cpuset.cpus", cpu.cpus, false, false});
  if (!cpu.mems.empty()) writes.push_back({"cpuset", "cpuset.mems", cpu.mems, false, false});
}

/// v1's swap limit counts memory and swap together, v2's counts swap alone.
Result<void> add_memory(std::vector<CgroupWrite>& writes, const MemoryResources& memory) {
  if (memory.swap) {
    if (*memory.swap >= 0 && (!memory.limit || *memory.limit < 0)) {
      return Error::user("linux.resources.memory: a swap limit needs a memory limit");
    }
    std::int64_t swap = *memory.swap < 0 ? -1 : *memory.swap - *memory.limit;
    if (*memory.swap >= 0 && swap < 0) return Error::user("linux.resources.memory: swap counts memory too and must not be less");
    writes.push_back({"memory", "memory.swap.max", limit_text(swap), true, false});
  }
  if (memory.limit) writes.push_back({"memory", "memory.max", limit_text(*memory.limit), false, false});
  if (memory.reservation) writes.push_back({"memory", "memory.low", limit_text(*memory.reservation), false, false});
  if (memory.disable_oom_killer.value_or(false)) {
    return Error::user("linux.resources.memory.disableOOMKiller: cgroup v2 has no such switch");
  }
  return {};
}

void add_throttles(std::vector<CgroupWrite>& writes, const char* key, const std::vector<ThrottleDevice>& devices) {
  for (const ThrottleDevice& device : devices) {
    std::string rate = device.rate == 0 ? "max" : std::to_string(device.rate);
    std::string text = std::to_string(device.major) + ":" + std::to_string(device.minor) + " " + key + "=" + rate;
    writes.push_back({"io", "io.max", text, false, false});
  }
}

/// blkio.weight (10..1000) to io.weight (1..10000); bfq keeps the old range.
std::uint64_t io_weight(std::uint64_t weight) { return weight == 0 ? 0 : 1 + (weight - 10) * 9999 / 990; }

void add_block_io(std::vector<CgroupWrite>& writes, const BlockIoResources& io) {
  if (io.weight && *io.weight >= 10) {
    writes.push_back({"io", "io.bfq.weight", std::to_string(*io.weight), true, false});
    writes.push_back({"io", "io.weight", "default " + std::to_string(io_weight(*io.weight)), true, false});
  }
  for (const WeightDevice& device : io.weight_device) {
    if (!device.weight) continue;
    std::string number = std::to_string(device.major) + ":" + std::to_string(device.minor) + " ";
    writes.push_back({"io", "io.bfq.weight", number + std::to_string(*device.weight), true, false});
  }
  add_throttles(writes, "rbps", io.read_bps);
  add_throttles(writes, "wbps", io.write_bps);
  add_throttles(writes, "riops", io.read_iops);
  add_throttles(writes, "wiops", io.write_iops);
}

}  // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
  std::uint64_t bounded = std::clamp<std::uint64_t>(shares, 2, 262144);
  return 1 + (bounded - 2) * 9999 / 262142;
}

Result<std::vector<CgroupWrite>> limits_v2(const Resources& written) {
  const Resources resources = given_limits(written);
  std::vector<CgroupWrite> writes;
  WARDER_TRY(add_memory(writes, resources.memory));
  add_cpu(writes, resources.cpu);
  add_block_io(writes, resources.block_io);
  if (resources.pids_limit) writes.push_back({"pids", "pids.max", limit_text(*resources.pids_limit), false, false});
  for (const HugepageLimit& limit : resources.hugepage_limits) {
    std::string text = std::to_string(limit.limit);
    writes.push_back({"hugetlb", "hugetlb." + limit.page_size + ".max", text, false, false});
    writes.push_back({"hugetlb", "hugetlb." + limit.page_size + ".rsvd.max", text, true, false});
  }
  for (const auto& [device, limit] : resources.rdma) {
    std::string text = device;
    if (limit.hca_handles) text += " hca_handle=" + std::to_string(*limit.hca_handles);
    if (limit.hca_objects) text += " hca_object=" + std::to_string(*limit.hca_objects);
    writes.push_back({"rdma", "rdma.max", text, false, false});
  }
  for (const auto& [file, text] : resources.unified) {
    if (file.empty() || file.find('/') != std::string::npos) {
      return Error::user("linux.resources.unified: '" + file + "' is no file of a cgroup");
    }
    writes.push_back({file.substr(0, file.find('.')), file, text, false, false});
  }
  return writes;
}

}  // namespace warder::runtime
