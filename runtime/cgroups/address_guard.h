// Programs that guard the addresses of a container, in its cgroup2 directory. Host process of a command.
#pragma once

#include <span>
#include <string>

#include "linux/result.h"
#include "policy/address_program.h"

namespace warder::runtime {

/// Attaches each and asks the kernel afterwards whether it is there. They go with the directory. CAP_BPF and CAP_NET_ADMIN, or
/// CAP_SYS_ADMIN, of the host; Linux 5.18.
Result<void> attach_address_programs(const std::string& directory, std::span<const policy::AddressProgram> programs);

/// Whether this machine, and this caller, can do that at all: a cgroup2 hierarchy is mounted and the kernel takes such a program.
[[nodiscard]] bool can_guard_addresses();

}  // namespace warder::runtime
