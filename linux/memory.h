// Reading and writing another process's memory: process_vm_readv(2), process_vm_writev(2). Needs PTRACE_MODE_ATTACH over it.
//
// The other side may rewrite the bytes at any time: what is read is a copy to be checked AND used. The protections of its own
// mappings hold for both directions, as for the process itself.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace warder::kernel {

/// How many bytes could be read before a page that cannot, or -errno where there is none (EFAULT; EPERM, ESRCH about the
/// process).
ssize_t read_memory(pid_t thread, std::uint64_t address, std::span<std::byte> into);
/// As read_memory, for writing.
ssize_t write_memory(pid_t thread, std::uint64_t address, std::span<const std::byte> from);

}  // namespace warder::kernel
