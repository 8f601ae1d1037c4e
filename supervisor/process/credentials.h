// From root of the container to the workload's user, in two steps around the installation of filters. Workload and session modes,
// single-threaded.
//
// A filter can be installed without no_new_privs only while CAP_SYS_ADMIN is effective, and every call after a filter is under
// it. So the ids change first, with the capabilities kept; between the two steps the filters go in; the second step is one
// capset and the ambient set.
#pragma once

#include "linux/result.h"
#include "supervisor/protocol/boot.h"

namespace warder::supervisor {

/// Groups, gid, uid, umask and the bounding set; the permitted capabilities stay, and are all effective.
Result<void> take_user(const ProcessPlan& plan);
/// The final capability sets. `ceiling` is the profile's.
Result<void> take_capabilities(const ProcessPlan& plan, std::uint64_t ceiling);

}  // namespace warder::supervisor
