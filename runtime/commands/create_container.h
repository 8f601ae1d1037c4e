// From a bundle to a created container; what `create` and `run` share. The host process of a command, single-threaded.
#pragma once

#include <optional>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/commands/container.h"
#include "runtime/commands/verb.h"
#include "runtime/config/spec.h"
#include "runtime/container/launch.h"

namespace warder::runtime {

struct CreateOptions {
  std::string id;
  std::string bundle = ".";
  std::string config = "config.json";  ///< relative to the bundle
  std::string console_socket;          ///< path of the socket that gets the terminal's master
  std::string pid_file;
  std::string pidfd_socket;  ///< path of the socket that gets a pidfd of PID 1
  std::uint32_t preserve_fds = 0;
  bool no_pivot = false;
  bool no_new_keyring = false;

  /// The options of the command line, for `create` and `run`.
  void define(Options& app);
};

/// Who takes the terminal's master where config.json asks for a terminal.
struct ConsoleReceiver {
  std::string path;   ///< a listening UNIX socket of the caller; "" for none
  BorrowedFd socket;  ///< a connected socket; invalid for none
};

struct Created {
  Container container;
  Launched processes;
  ConsoleSize console_size;
};

/// Makes the container and waits until it can be started; writes state and pid file. On failure nothing is left: no process,
/// cgroup, mount, state directory; the error says what to change.
///
/// Completes the Spec first: the default timeout of hooks, the notify socket's directory. SIGTERM, SIGINT, SIGHUP and SIGQUIT
/// make it fail, and are blocked from here on.
Result<Created> create_container(const Context& context, const CreateOptions& options, Spec& spec,
                                 const ConsoleReceiver& console);

/// Reads and checks the bundle's config.json. Warnings go to the log.
Result<Spec> read_spec(const Context& context, CreateOptions& options);

/// Runs a created container's program and the poststart hooks; the container's lock is held by the caller.
Result<void> start_container(const Container& container);

}  // namespace warder::runtime
