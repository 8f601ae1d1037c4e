// Runs a seccomp program as a function, so that filters are tested over every number and argument without a kernel. Pure.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>

namespace warder::policy {

struct BpfOutcome {
  std::uint32_t value = 0;  ///< SECCOMP_RET_*
  unsigned steps = 0;       ///< instructions that were executed
};

/// What the kernel would return, or nothing where it would not accept the program or the program runs off its end: unknown
/// instructions, jumps out of the program, loads outside of seccomp_data. Knows the whole instruction set that seccomp allows.
[[nodiscard]] std::optional<BpfOutcome> run_bpf(std::span<const sock_filter> program, const seccomp_data& data);

}  // namespace warder::policy
