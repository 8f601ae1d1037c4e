// From config.json's `process` to what warder-init does to become it: capability ceiling, groups, seccomp program. The host
// process of `create` and `exec`.
#pragma once

#include <cstdint>

#include "linux/result.h"
#include "runtime/config/spec.h"
#include "runtime/log.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

struct CapabilityLimits {
  std::uint64_t ceiling = ~std::uint64_t{0};    ///< the profile's
  std::uint64_t grantable = ~std::uint64_t{0};  ///< what the kernel will let us give
};

/// Takes away what is beyond the limits from all five sets. What the machine cannot grant is a warning, as the specification
/// says; what the profile takes away is its business and silent.
void limit_capabilities(supervisor::CapabilitySets& sets, const CapabilityLimits& limits, const Log& log);

/// The capabilities that a process of the container can have at all: everything known in a user namespace of its own, else what
/// this process may give.
[[nodiscard]] std::uint64_t grantable_capabilities(bool own_user_namespace);

/// Fills a plan from `process`; the seccomp program and the hooks stay empty.
Result<supervisor::ProcessPlan> plan_process(const Process& process);

/// True where a process of the container may call setgroups(2).
[[nodiscard]] bool may_set_groups(const Linux& config, const Annotations& annotations);

/// Socket activation: where LISTEN_PID is this process, its LISTEN_FDS sockets are passed on before the preserved descriptors
/// and announced in the plan's environment.
void pass_activation_sockets(supervisor::ProcessPlan& plan);

}  // namespace warder::runtime
