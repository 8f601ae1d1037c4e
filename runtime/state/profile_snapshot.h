// profile.json in a container's state directory: the files of the profile in force, as they were read. The host process of a
// command; no system calls.
#pragma once

#include <string>
#include <string_view>

#include "linux/result.h"
#include "policy/snapshot.h"

namespace warder::runtime {

inline constexpr const char* profile_snapshot_file = "profile.json";

[[nodiscard]] std::string snapshot_to_json(const policy::Snapshot& snapshot);
Result<policy::Snapshot> snapshot_from_json(std::string_view text);

}  // namespace warder::runtime
