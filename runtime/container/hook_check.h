// May the file of a hook be executed with the runtime's privileges? P0, before anything is made; looks at files, changes none.
#pragma once

#include <string>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// Nothing where the file may be executed as a hook; otherwise what is accepted instead, for the error text.
///
/// A hook runs with all privileges of whoever calls the runtime, so that nobody else may have a hand in it: it is a regular file
/// of root's or the caller's, executable, not writable by group or others, without setuid and setgid, and so is every directory
/// on the way to it (a sticky directory like /tmp is as good). A symbolic link is refused, except root's own in the system's
/// directories (/bin/sh of most distributions) and /proc/PID/exe, which dockerd gives.
[[nodiscard]] std::string hook_objection(const std::string& path);

/// All objections to the hooks that run outside the container, each with its place in config.json. startContainer hooks are files
/// of the image and run under the workload's confinement; nothing is asked of them here.
Result<void> check_hooks(const Hooks& hooks);

}  // namespace warder::runtime
