// What `exec` wants to run, and the plan that follows from it and from the container. The host process of `exec`.
#pragma once

#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/commands/verb.h"
#include "runtime/config/spec.h"
#include "supervisor/protocol/boot.h"

namespace warder::runtime {

/// The options of `exec` that describe the program.
struct SessionOptions {
  std::string process_file;
  std::vector<std::string> args;
  std::optional<std::string> user, cwd;
  std::string apparmor_profile, selinux_label;
  std::vector<std::string> env, additional_gids, capabilities;
  bool tty = false;
  bool no_new_privileges = false;
  std::uint32_t preserve_fds = 0;
};

struct SessionPlan {
  supervisor::Boot boot;  ///< the container's, with the session's process
  ConsoleSize console_size;
};

/// `container` is the Boot that PID 1 gave: what the session does not say comes from there, the seccomp program always. The
/// profile's capability ceiling is applied. Pure but for reading the process file.
Result<SessionPlan> plan_session(const Context& context, const SessionOptions& options, supervisor::Boot container);

}  // namespace warder::runtime
