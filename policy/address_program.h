// Address rules as eBPF for a cgroup (BPF_PROG_TYPE_CGROUP_SOCK_ADDR): what the kernel runs inside connect, sendmsg and bind, on
// its own copy of the address. Pure.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// One profile's section: the last matching rule decides, no match: refused with `error`.
struct GuardedSection {
  const std::vector<AddressRule>* rules = nullptr;
  int error = 0;
};

/// A program and where it is to be attached.
struct AddressProgram {
  bpf_attach_type attach_type{};
  std::vector<bpf_insn> instructions;
};

/// Programs that allow what every section allows. `outgoing`: of `connect`, for connect(2) and for messages with an address;
/// 0.0.0.0 and :: become the loopback address, as the supervisor does it. Else of `bind`. Rules of UNIX sockets are left out: the
/// kernel does not ask these programs about them. Rules must not name hosts. Needs Linux 5.18 (bpf_set_retval).
[[nodiscard]] std::vector<AddressProgram> connect_programs(std::span<const GuardedSection> sections);
[[nodiscard]] std::vector<AddressProgram> bind_programs(std::span<const GuardedSection> sections);

}  // namespace warder::policy
