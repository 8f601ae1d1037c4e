// What of a profile's path rights Landlock can enforce: exactly, or at least as a second wall. Pure.
//
// The wall never refuses what the profile allows: every rule gives at least the rights that some entry gives below it. Where the
// two are the same set, which is worked out here right by right, the calls that need only such rights need no supervisor.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/compiled_writer.h"
#include "policy/lower.h"

namespace warder::policy {

struct LandlockLowering {
  std::uint64_t handled = 0;  ///< LANDLOCK_ACCESS_FS_*
  std::vector<CompiledLandlockPath> paths;
  Rights exact;  ///< Landlock alone refuses these rights where and only where the profile does
};

/// `profile`: canonical, with `paths`, in mode enforce; `compiled`: the same profile alone. `alone`: the rights that Landlock may
/// be asked to enforce without the supervisor; whether it can is worked out for these only.
[[nodiscard]] LandlockLowering lower_to_landlock(const Profile& profile, const Compiled& compiled, Rights alone,
                                                 const KernelFacts& kernel, const ContainerFacts& container);

/// The LANDLOCK_ACCESS_FS_* bits that stand for a right, as far as an ABI knows them.
[[nodiscard]] std::uint64_t landlock_access(Right right, int abi);

}  // namespace warder::policy
