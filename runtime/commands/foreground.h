// Being the foreground of a container: signals, terminal, exit code. The host process of `run` and `exec` without --detach.
#pragma once

#include <optional>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/commands/notify_socket.h"
#include "runtime/config/spec.h"
#include "runtime/container/launch.h"

namespace warder::runtime {

/// A terminal that this process serves itself: the master of the container's console, connected to our own terminal.
class OwnTerminal {
 public:
  /// The socket pair over which the container side hands the master over.
  static Result<OwnTerminal> prepare();
  /// The end for LaunchRequest::console_socket.
  [[nodiscard]] BorrowedFd sender() const { return sender_; }
  /// Takes the master after the launch.
  Result<Fd> take_master();

 private:
  Fd receiver_, sender_;
};

struct ForegroundRequest {
  BorrowedFd waited;    ///< pidfd of the child whose end ends us
  BorrowedFd signaled;  ///< pidfd of the process that gets our signals
  Fd terminal_master;   ///< invalid: the container uses our stdio itself
  std::optional<NotifyProxy> notify;
};

/// Blocks the signals that serve() forwards, so that none is lost before it looks. Hooks and the container's processes get an
/// empty mask before they execute anything.
void hold_signals();

/// Waits for the child, forwards every catchable signal, copies between our stdio and the terminal and keeps its size. Our own
/// terminal is raw meanwhile and restored in every case. The child's exit code, 128+N for a signal.
Result<int> serve(ForegroundRequest request);

/// Adopts orphans of the container instead of leaving them to the machine's init.
Result<void> become_subreaper();

}  // namespace warder::runtime
