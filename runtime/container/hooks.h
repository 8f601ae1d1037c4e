// OCI hooks that run outside the workload's confinement: prestart, createRuntime, poststart, poststop in the runtime's
// namespaces, createContainer in the container's before pivot_root. startContainer hooks are warder-init's.
//
// A hook gets exactly what config.json gives it: its own env and nothing of the container's or of ours (a hook that inherited
// LD_PRELOAD from an image's environment was an escape), the state on standard input, "/" as its directory, no descriptor of
// ours.
#pragma once

#include <span>
#include <string_view>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// Runs the hooks one after the other and waits for each. `kind` is the word of config.json, for the error text.
///
/// Fails at the first hook that cannot be executed, exits with another status than 0, is killed, or outlives its timeout (it is
/// killed then); the text has the hook's last words on stderr. May be called by a child of the runtime too.
Result<void> run_hooks(std::string_view kind, std::span<const Hook> hooks, std::string_view state_json);

}  // namespace warder::runtime
