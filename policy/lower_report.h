// What `warder profile explain` tells about lowering: for each line its enforcer. Pure.
#pragma once

#include <vector>

#include "policy/call_lowering.h"
#include "policy/landlock_lowering.h"
#include "policy/lower.h"
#include "policy/mount_lowering.h"
#include "policy/network_coverage.h"

namespace warder::policy {

/// One report for each entry of `paths`, `network`, `syscalls` and `capabilities`, in the order of the file.
[[nodiscard]] std::vector<EntryReport> report_entries(const Profile& profile, const EnforcedElsewhere& elsewhere,
                                                      const LandlockLowering& landlock, const MountLowering& mounts,
                                                      bool checks_exec, const GuardableSections& guarded);

}  // namespace warder::policy
