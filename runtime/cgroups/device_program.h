// Device rules on cgroup v2: an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE. Host process of a command.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// The program for these rules: the last rule that matches type and number decides each kind of access; nothing matches: no.
/// A request is allowed when every access that it asks for is. Pure.
[[nodiscard]] std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules);

/// Loads the program and makes it the only device program of the cgroup; asks the kernel afterwards whether it is attached.
/// Needs CAP_BPF or CAP_SYS_ADMIN, Linux 4.15.
Result<void> attach_device_program(BorrowedFd cgroup, std::span<const DeviceRule> rules);

}  // namespace warder::runtime
