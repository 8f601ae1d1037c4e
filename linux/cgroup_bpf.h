// bpf(2) for programs of a cgroup2 directory. CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN, outside of user namespaces.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// Loads a program; the verifier's refusal is EINVAL or EACCES. `attach_type` binds what it may read and write.
Result<Fd> load_program(bpf_prog_type type, bpf_attach_type attach_type, std::span<const bpf_insn> program);

/// Attaches it besides those of ancestors (BPF_F_ALLOW_MULTI): each must allow.
Result<void> attach_program(BorrowedFd cgroup, BorrowedFd program, bpf_attach_type attach_type);

/// The ids of the programs of this kind that are attached to the directory itself.
Result<std::vector<std::uint32_t>> attached_programs(BorrowedFd cgroup, bpf_attach_type attach_type);

/// Takes one of them away, by its id.
Result<void> detach_program(BorrowedFd cgroup, std::uint32_t id, bpf_attach_type attach_type);

}  // namespace warder::kernel
