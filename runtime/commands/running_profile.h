// The profile of a container that runs: what is in force, what it was created with, how often each line decided. The host
// process of a command.
#pragma once

#include <string>
#include <vector>

#include "policy/lower.h"
#include "policy/profile.h"
#include "runtime/commands/container.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

/// The Boot block of the container, from PID 1 itself: the state directory holds no copy that could differ.
Result<supervisor::Boot> ask_for_boot(BorrowedFd control);

/// The profile in force, from the files as they were when it came into force.
Result<policy::Profile> profile_in_force(const Container& container);

/// The container's root as its processes have it. Hostile: every look stays below it.
Result<policy::ContainerFacts> running_facts(const Container& container);

/// Counters of one line since its profile came into force.
struct LineUsage {
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t allowed = 0, refused = 0;
  std::uint64_t answers = 0, nanoseconds = 0;  ///< of the calls that this line decided last
};
/// Asks PID 1; empty where nothing is decided there.
Result<std::vector<LineUsage>> line_usage(BorrowedFd control);

}  // namespace warder::runtime
