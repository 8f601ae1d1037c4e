// linux.intelRdt: cache and memory bandwidth groups of the processor, by the kernel's resctrl file system. The host process of
// `create`, `run` and `delete`; root.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// The groups of one container.
struct ResctrlGroup {
  std::vector<std::string> tasks;    ///< files that take the pid of PID 1 before it makes the workload
  std::vector<std::string> created;  ///< directories to remove again, in this order
};

inline constexpr const char* resctrl_mount = "/sys/fs/resctrl";

/// Makes the group below `mount_point` (one that is there is joined, and not removed later), writes its schemata and, where
/// asked for, makes a monitoring group in it. Refused where resctrl is not mounted, and where closID names a group that does not
/// exist and nothing says what it should be (runtime-spec, config-linux, "IntelRdt"). On failure nothing made is left.
Result<ResctrlGroup> make_resctrl_group(const IntelRdt& config, const std::string& id,
                                        const std::string& mount_point = resctrl_mount);

Result<void> remove_resctrl_group(const std::vector<std::string>& created);

}  // namespace warder::runtime
