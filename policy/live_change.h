// A new profile for a container that runs: what of it PID 1 can put in force, and what cannot change any more. Pure.
//
// The workload's seccomp program, its Landlock domain, its mounts and its capabilities were fixed when it started. Only what the
// program hands to PID 1 is decided anew for each call. So a rule may be tightened where every call that it is about is handed
// over, and loosened where neither the program nor Landlock nor a mount refuses as well. Whatever is not so is named, with the
// line that wants it, and then nothing is changed.
#pragma once

#include <string>
#include <vector>

#include "linux/facts.h"
#include "linux/result.h"
#include "policy/compare.h"
#include "policy/core/compiled.h"
#include "policy/lower.h"

namespace warder::policy {

struct LiveChange {
  std::vector<std::byte> block;         ///< for PID 1; decides like the new profile and keeps what was fixed
  std::vector<Difference> differences;  ///< what becomes allowed or denied, for people
  std::vector<std::string> impossible;  ///< each with its line; none: the block may be put in force
  std::vector<std::string> loosened;    ///< what the profile in force refuses and the new one does not
};

/// `created`: what the container was created with; `before`: the profile in force; `after`: the one to be. `container`: the
/// root as the workload has it now.
[[nodiscard]] Result<LiveChange> plan_live_change(const Compiled& created, const Profile& before, const Profile& after,
                                                  const KernelFacts& kernel, const ContainerFacts& container);

}  // namespace warder::policy
