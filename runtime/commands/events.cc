// `warder events`: resource usage and out-of-memory kills as JSON lines, in the shape that every reader of runc's knows.
#include <fmt/format.h>
#include <poll.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/commands/container.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

using nlohmann::json;

/// "5s", "1m", "500ms" or a number of seconds; in milliseconds.
std::optional<int> parse_interval(std::string_view word) {
  int number = 0;
  auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (failure != std::errc{} || number <= 0) return std::nullopt;
  std::string_view unit = word.substr(static_cast<std::size_t>(end - word.data()));
  constexpr int longest = 24 * 60 * 60 * 1000;
  constexpr int second = 1000;
  constexpr int minute = 60 * second;
  int factor = unit == "ms" ? 1 : unit == "s" || unit.empty() ? second : unit == "m" ? minute : 0;
  if (factor == 0 || number > longest / factor) return std::nullopt;
  return number * factor;
}

/// Copies `name` of the stats to `key`, where the hierarchy has it.
void copy(json& out, std::string_view key, const CgroupStats& stats, const std::string& name) {
  auto found = stats.numbers.find(name);
  if (found != stats.numbers.end()) out[std::string(key)] = found->second;
}

json memory_part(const CgroupStats& stats, const std::string& prefix) {
  json part = json::object();
  copy(part, "usage", stats, prefix + ".usage_bytes");
  copy(part, "max", stats, prefix + ".max_usage_bytes");
  copy(part, "limit", stats, prefix + ".limit_bytes");
  copy(part, "failcnt", stats, prefix + ".failcnt");
  return part;
}

json block_io_part(const std::vector<CgroupStats::BlockIo>& entries) {
  json list = json::array();
  for (const CgroupStats::BlockIo& entry : entries) {
    list.push_back({{"major", entry.major}, {"minor", entry.minor}, {"op", entry.operation}, {"value", entry.value}});
  }
  return list;
}

json stats_data(const CgroupStats& stats) {
  json usage = json::object();
  copy(usage, "total", stats, "cpu.usage_ns");
  copy(usage, "kernel", stats, "cpu.system_ns");
  copy(usage, "user", stats, "cpu.user_ns");
  if (!stats.per_cpu_ns.empty()) usage["percpu"] = stats.per_cpu_ns;
  json throttling = json::object();
  copy(throttling, "periods", stats, "cpu.periods");
  copy(throttling, "throttledPeriods", stats, "cpu.throttled_periods");
  copy(throttling, "throttledTime", stats, "cpu.throttled_ns");
  json pids = json::object();
  copy(pids, "current", stats, "pids.current");
  copy(pids, "limit", stats, "pids.limit");
  json memory{{"usage", memory_part(stats, "memory")},
              {"swap", memory_part(stats, "memory.swap")},
              {"kernel", memory_part(stats, "memory.kernel")},
              {"kernelTCP", memory_part(stats, "memory.kernel_tcp")},
              {"raw", stats.memory_stat}};
  copy(memory, "cache", stats, "memory.cache_bytes");
  return {{"cpu", {{"usage", std::move(usage)}, {"throttling", std::move(throttling)}}},
          {"cpuset", json::object()},
          {"memory", std::move(memory)},
          {"pids", std::move(pids)},
          {"blkio",
           {{"ioServiceBytesRecursive", block_io_part(stats.io_service_bytes)},
            {"ioServicedRecursive", block_io_part(stats.io_serviced)}}},
          {"hugetlb", stats.hugetlb},
          {"intel_rdt", json::object()},
          {"network_interfaces", nullptr}};
}

class Events : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container").required();
    app.add_option("--interval", interval_, "time between two lines: 500ms, 5s, 1m").capture_default_str();
    app.add_flag("--stats", once_, "print one line and end");
  }

  Result<int> run(const Context& context) override {
    auto interval = parse_interval(interval_);
    if (!interval) return Error::user(fmt::format("--interval '{}'; accepted: a time like 500ms, 5s or 1m", interval_));
    Container container = WARDER_TRY(Container::open(context.root, id_));
    if (container.status() == Status::stopped) return Error::user(fmt::format("container '{}': container not running", id_));
    if (once_) {
      WARDER_TRY(print_stats(container));
      return 0;
    }
    return follow(container, *interval);
  }

 private:
  /// One line, its members in the order by which scripts know them.
  [[nodiscard]] std::string event(std::string_view type, json data) const {
    nlohmann::ordered_json line{{"type", type}, {"id", id_}};
    if (!data.is_null()) line["data"] = std::move(data);
    return line.dump() + "\n";
  }

  Result<void> print_stats(const Container& container) const {
    CgroupStats stats = WARDER_TRY(container.cgroup().stats());
    return print(event("stats", stats_data(stats)));
  }

  Result<int> follow(const Container& container, int interval) const {
    Fd init = WARDER_TRY(open_process(container.state.init));
    std::uint64_t kills = WARDER_TRY(container.cgroup().oom_kills());
    for (;;) {
      bool ended = wait_gone(init, interval);
      auto now = container.cgroup().oom_kills();
      for (; now.ok() && kills < *now; ++kills) WARDER_TRY(print(event("oom", nullptr)));
      if (ended) return 0;
      WARDER_TRY(print_stats(container));
    }
  }

  std::string id_, interval_ = "5s";
  bool once_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_events() { return std::make_unique<Events>(); }

}  // namespace warder::runtime
