// OCI hooks that run outside the workload's confinement: prestart, createRuntime, poststart, poststop in the runtime's
// namespaces, createContainer in the container's before pivot_root. startContainer hooks are warder-init's.
//
// A hook gets exactly what config.json gives it: its own env and nothing of the container's or of ours (a hook that inherited
// LD_PRELOAD from an image's environment was an escape), the state on standard input, the bundle as its directory, no descriptor
// of ours.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// Where hooks run and what becomes of their output.
struct HookSurroundings {
  std::string directory;       ///< the bundle; "/" where it cannot be entered (any more)
  BorrowedFd standard_output;  ///< invalid: kept for the error text
  BorrowedFd standard_error;   ///< the same
  BorrowedFd interrupted;      ///< readable: kill the hook and fail; invalid: nobody interrupts
};

/// The files that the annotations run.oci.hooks.stdout and run.oci.hooks.stderr name, opened for appending; neither without them.
class HookOutput {
 public:
  static Result<HookOutput> open(const Annotations& annotations);
  [[nodiscard]] HookSurroundings in(const std::string& directory, BorrowedFd interrupted = BorrowedFd(-1)) const {
    return {.directory = directory, .standard_output = output_, .standard_error = error_, .interrupted = interrupted};
  }

 private:
  Fd output_, error_;
};

/// Runs the hooks one after the other and waits for each. `kind` is the word of config.json, for the error text.
///
/// Fails at the first hook that cannot be executed, exits with another status than 0, is killed, or outlives its timeout (it is
/// killed then); the text has the hook's last words on stderr. Only poststop hooks go on after that. May be called by a child of
/// the runtime too.
Result<void> run_hooks(std::string_view kind, std::span<const Hook> hooks, std::string_view state_json,
                       const HookSurroundings& around);

}  // namespace warder::runtime
