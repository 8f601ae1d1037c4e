// What a container will be, as values: nothing of it exists yet. The host process of `create` and `run`.
#pragma once

#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/lower.h"
#include "runtime/audit/sink.h"
#include "runtime/commands/create_container.h"
#include "runtime/config/spec.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

/// The profile of one container, compiled for this kernel and its rootfs.
struct PolicyPlan {
  policy::Lowered lowered;
  ProfileState state;
  std::string snapshot;  ///< for profile.json
  std::uint64_t capability_ceiling = ~std::uint64_t{0};
  AuditTarget audit;
  bool needs_listener = false;  ///< the one listener that the kernel grants a process is the supervisor's
  bool check_hooks = true;      ///< warder.yaml
  std::uint32_t hook_timeout_seconds = 0;
  bool names_hosts = false;  ///< PID 1 answers DNS questions
};

enum class Detail : std::uint8_t {
  enforced,  ///< what is enforced alone, which may come from the cache below the state root
  reported,  ///< also how: PolicyPlan::lowered with all its reports
};

/// What later commands know of a profile.
[[nodiscard]] ProfileState profile_state(const policy::Profile& profile);

/// The text of profile.json.
[[nodiscard]] std::string profile_snapshot(const policy::Profile& profile, const std::string& hostname);

/// Finds the profile by the names in config.json and compiles it; the error lists every finding.
Result<PolicyPlan> plan_policy(const Context& context, const std::string& id, const Spec& spec, BorrowedFd rootfs, Detail detail);

/// Everything that warder-init is told, but for the state that startContainer hooks get. Compiles the engine's seccomp filter, or
/// finds it in the cache below the state root.
Result<supervisor::Boot> plan_boot(const Context& context, const CreateOptions& options, const Spec& spec, BorrowedFd rootfs,
                                   const PolicyPlan& policy);

/// Prints, as JSON, what `create` would make of this bundle, and makes nothing.
Result<void> print_plan(const Context& context, const CreateOptions& options, const Spec& spec);

}  // namespace warder::runtime
