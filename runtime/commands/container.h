// One existing container as a command finds it: its directory, its state, and whether it is alive. The host process of a command.
#pragma once

#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/cgroups/cgroup.h"
#include "runtime/log.h"
#include "runtime/state/container_state.h"
#include "supervisor/protocol/messages.h"

namespace warder::runtime {

struct Container {
  StateDirectory directory;
  ContainerState state;

  /// "container 'ID' does not exist" where there is none. Takes no lock.
  static Result<Container> open(const StateRoot& root, const std::string& id);
  /// The same with the container's lock held until the Container goes.
  static Result<Container> open_locked(const StateRoot& root, const std::string& id);

  /// From PID 1's life, the started mark and the freezer; never remembered.
  [[nodiscard]] Status status() const;
  /// True for running and paused.
  [[nodiscard]] static bool alive(Status status) { return status == Status::running || status == Status::paused; }
  [[nodiscard]] Cgroup cgroup() const { return Cgroup::from_state(state.cgroup); }

  /// A connection to PID 1; an error where it is gone.
  Result<Fd> connect_supervisor() const;
};

/// Sends one request to PID 1 and waits for its answer: the `done` message, or the text of `failed` as an error.
Result<supervisor::Message> ask_supervisor(BorrowedFd control, const supervisor::Message& request);

/// A pidfd that surely is this process; ESRCH where it is gone and perhaps reused.
Result<Fd> open_process(const ProcessIdentity& process);
/// Waits until the process of a pidfd has ended, at most `milliseconds`. False where it still lives.
bool wait_gone(BorrowedFd pidfd, int milliseconds);

/// Everything that `delete` and the end of `run` do to a container whose processes are gone or to be killed: kill what is left,
/// poststop hooks (a failing one is a warning, as the specification says), cgroup, state directory. Goes on after a failure and
/// reports the first.
Result<void> destroy(Container& container, const Log& log);

/// The same for one whose lock was let go: waits for the lock, and is done where another command has deleted the container.
Result<void> destroy_unless_gone(Container& container, const Log& log);

}  // namespace warder::runtime
