// Which trees can be mounted read-only, so that what Landlock has no right for (chmod, chown, utime, xattr) needs no supervisor.
// Pure.
//
// Only where it is exact: everything that the profile takes one of these rights from lies in such a tree, and nothing in it may
// be changed in any way. Only trees directly below the root: a mount at /a/b is left behind where somebody renames /a.
#pragma once

#include <string>
#include <vector>

#include "policy/lower.h"

namespace warder::policy {

struct MountLowering {
  std::vector<std::string> trees;  ///< to be mounted read-only, with all that is mounted in them
  Rights exact;                    ///< the mounts refuse these rights where and only where the profile does
};

/// `profile`: canonical, with `paths`, in mode enforce, `audit: cheap`.
[[nodiscard]] MountLowering lower_to_mounts(const Profile& profile, const ContainerFacts& container);

/// Does all that the entry matches lie in one of the trees?
[[nodiscard]] bool in_read_only_tree(const MountLowering& mounts, const PathEntry& entry);

}  // namespace warder::policy
