// What a cgroup has used so far, from both versions in one shape. Host process of `events` and friends.
#include <dirent.h>

#include <memory>

#include "runtime/cgroups/cgroup.h"
#include "runtime/cgroups/files.h"

namespace warder::runtime {

namespace {

using Numbers = std::map<std::string, std::uint64_t>;

std::string text_of(const std::string* directory, const char* file) {
  if (directory == nullptr) return {};
  Result<std::string> text = read_file(*directory, file);
  return text ? *std::move(text) : std::string();
}

void put(Numbers& numbers, const char* key, const std::string* directory, const char* file) {
  std::string text = text_of(directory, file);
  if (!text.empty()) numbers[key] = number_of(text);
}

void put_keyed(Numbers& numbers, const char* key, const std::string& text, std::string_view name, std::uint64_t factor = 1) {
  if (!text.empty()) numbers[key] = keyed_number(text, name) * factor;
}

/// "key value" lines.
Numbers flat_keyed(std::string_view text) {
  Numbers numbers;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::size_t blank = line.find(' ');
    if (blank != std::string_view::npos) numbers[std::string(line.substr(0, blank))] = number_of(line.substr(blank + 1));
  }
  return numbers;
}

/// v1: "8:0 Read 4096" lines; the total line at the end has no device.
std::vector<CgroupStats::BlockIo> block_io_v1(std::string_view text) {
  std::vector<CgroupStats::BlockIo> entries;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::size_t colon = line.find(':');
    std::size_t first = line.find(' ');
    std::size_t second = line.find(' ', first + 1);
    if (colon == std::string_view::npos || second == std::string_view::npos) continue;
    entries.push_back({number_of(line), number_of(line.substr(colon + 1)),
                       std::string(line.substr(first + 1, second - first - 1)), number_of(line.substr(second + 1))});
  }
  return entries;
}

/// v2: "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …" lines.
void block_io_v2(std::string_view text, CgroupStats& stats) {
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    auto value = [&](std::string_view key) -> std::uint64_t {
      std::size_t at = line.find(key);
      return at == std::string_view::npos ? 0 : number_of(line.substr(at + key.size()));
    };
    std::uint64_t major = number_of(line), minor = number_of(line.substr(colon + 1));
    stats.io_service_bytes.push_back({major, minor, "Read", value(" rbytes=")});
    stats.io_service_bytes.push_back({major, minor, "Write", value(" wbytes=")});
    stats.io_serviced.push_back({major, minor, "Read", value(" rios=")});
    stats.io_serviced.push_back({major, minor, "Write", value(" wios=")});
  }
}

std::vector<std::uint64_t> number_list(std::string_view text) {
  std::vector<std::uint64_t> list;
  while (true) {
    std::size_t start = text.find_first_of("0123456789");
    if (start == std::string_view::npos) return list;
    text.remove_prefix(start);
    list.push_back(number_of(text));
    text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
  }
}

void hugetlb(const std::string* directory, bool unified, CgroupStats& stats) {
  if (directory == nullptr) return;
  std::unique_ptr<DIR, int (*)(DIR*)> sizes(::opendir("/sys/kernel/mm/hugepages"), ::closedir);
  if (!sizes) return;
  while (dirent* entry = ::readdir(sizes.get())) {
    std::string_view name = entry->d_name;
    constexpr std::string_view prefix = "hugepages-";
    if (!name.starts_with(prefix)) continue;
    std::uint64_t kib = number_of(name.substr(prefix.size()));
    std::string size = kib >= 1U << 20U ? std::to_string(kib >> 20U) + "GB" : std::to_string(kib >> 10U) + "MB";
    std::string base = "hugetlb." + size;
    std::string usage = text_of(directory, (base + (unified ? ".current" : ".usage_in_bytes")).c_str());
    if (usage.empty()) continue;
    Numbers& numbers = stats.hugetlb[size];
    numbers["usage"] = number_of(usage);
    numbers["max"] = number_of(text_of(directory, (base + (unified ? ".max" : ".max_usage_in_bytes")).c_str()));
    std::string failures = text_of(directory, (base + (unified ? ".events" : ".failcnt")).c_str());
    numbers["failcnt"] = unified ? keyed_number(failures, "max") : number_of(failures);
  }
}

}  // namespace

Result<CgroupStats> Cgroup::stats() const {
  CgroupStats stats;
  Numbers& numbers = stats.numbers;
  if (unified()) {
    const std::string* all = directory("");
    std::string cpu = text_of(all, "cpu.stat");
    put_keyed(numbers, "cpu.usage_ns", cpu, "usage_usec", 1000);
    put_keyed(numbers, "cpu.user_ns", cpu, "user_usec", 1000);
    put_keyed(numbers, "cpu.kernel_ns", cpu, "system_usec", 1000);
    put_keyed(numbers, "cpu.periods", cpu, "nr_periods");
    put_keyed(numbers, "cpu.throttled_periods", cpu, "nr_throttled");
    put_keyed(numbers, "cpu.throttled_ns", cpu, "throttled_usec", 1000);
    put(numbers, "memory.usage_bytes", all, "memory.current");
    put(numbers, "memory.max_usage_bytes", all, "memory.peak");
    put(numbers, "memory.limit_bytes", all, "memory.max");
    put(numbers, "memory.swap_usage_bytes", all, "memory.swap.current");
    put(numbers, "memory.swap_limit_bytes", all, "memory.swap.max");
    put_keyed(numbers, "memory.failures", text_of(all, "memory.events"), "max");
    stats.memory_stat = flat_keyed(text_of(all, "memory.stat"));
    block_io_v2(text_of(all, "io.stat"), stats);
  } else {
    put(numbers, "cpu.usage_ns", directory("cpuacct"), "cpuacct.usage");
    put(numbers, "cpu.user_ns", directory("cpuacct"), "cpuacct.usage_user");
    put(numbers, "cpu.kernel_ns", directory("cpuacct"), "cpuacct.usage_sys");
    std::string cpu = text_of(directory("cpu"), "cpu.stat");
    put_keyed(numbers, "cpu.periods", cpu, "nr_periods");
    put_keyed(numbers, "cpu.throttled_periods", cpu, "nr_throttled");
    put_keyed(numbers, "cpu.throttled_ns", cpu, "throttled_time");
    stats.per_cpu_ns = number_list(text_of(directory("cpuacct"), "cpuacct.usage_percpu"));
    const std::string* memory = directory("memory");
    put(numbers, "memory.usage_bytes", memory, "memory.usage_in_bytes");
    put(numbers, "memory.max_usage_bytes", memory, "memory.max_usage_in_bytes");
    put(numbers, "memory.limit_bytes", memory, "memory.limit_in_bytes");
    put(numbers, "memory.swap_usage_bytes", memory, "memory.memsw.usage_in_bytes");
    put(numbers, "memory.swap_limit_bytes", memory, "memory.memsw.limit_in_bytes");
    put(numbers, "memory.failures", memory, "memory.failcnt");
    stats.memory_stat = flat_keyed(text_of(memory, "memory.stat"));
    const std::string* blkio = directory("blkio");
    stats.io_service_bytes = block_io_v1(text_of(blkio, "blkio.throttle.io_service_bytes_recursive"));
    stats.io_serviced = block_io_v1(text_of(blkio, "blkio.throttle.io_serviced_recursive"));
  }
  put(numbers, "pids.current", directory("pids"), "pids.current");
  put(numbers, "pids.limit", directory("pids"), "pids.max");
  hugetlb(directory("hugetlb"), unified(), stats);
  return stats;
}

}  // namespace warder::runtime
