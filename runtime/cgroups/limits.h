// linux.resources as writes to cgroup files, one table per version. Pure: deciding here, writing in cgroup.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// One write(2) of `text` to `file` in the directory of `controller`.
struct CgroupWrite {
  std::string controller;  ///< v1: the hierarchy; v2: only for the error text
  std::string file;
  std::string text;
  /// A kernel without this file (no swap accounting, no such scheduler) is no error.
  bool optional = false;
  /// EINVAL is answered by doing this write again after the next one: two limits that bound each other.
  bool swap_with_next = false;
};

/// Without the limits that are 0: engines write a field that nobody gave as 0 (`docker update` all of them), and none of these
/// has 0 as a value. Where 0 means something (a burst, a swappiness, huge pages) it stays. A memory limit that is taken away
/// takes that of the swap with it.
[[nodiscard]] Resources given_limits(Resources resources);

/// Deprecated and meaningless fields give no write.
[[nodiscard]] std::vector<CgroupWrite> limits_v1(const Resources& resources);
/// An error where v2 cannot express a field.
Result<std::vector<CgroupWrite>> limits_v2(const Resources& resources);

/// The rules in force: those given, preceded by "deny all" where none is given, followed by the nodes that every container has.
[[nodiscard]] std::vector<DeviceRule> effective_device_rules(const std::vector<DeviceRule>& given);
/// "c 1:3 rwm"; for devices.allow and devices.deny.
[[nodiscard]] std::string device_rule_text(const DeviceRule& rule);

/// cpu.shares (2..262144) to cpu.weight (1..10000), as in the cgroup v2 documentation of other runtimes.
[[nodiscard]] std::uint64_t weight_of_shares(std::uint64_t shares);

}  // namespace warder::runtime
