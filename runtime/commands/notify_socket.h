// sd_notify(3) across the container's border. The host process of `create`, `run` and `start`.
//
// Where a service manager started us with NOTIFY_SOCKET=/path, the container gets a directory at /path with a socket `notify` of
// ours in it (the layout of other runtimes), and its NOTIFY_SOCKET names that. The manager's own socket stays out: through it a
// container could name any process the service's main one, or store descriptors with the manager.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// NOTIFY_SOCKET of our own environment: absolute or, with '@', abstract.
[[nodiscard]] std::optional<std::string> service_manager_socket();

/// Adds the directory and the variable to a container whose state will be in `state_directory`. A config.json that brings a
/// NOTIFY_SOCKET of its own keeps it, and the annotation io.warder.sd-notify=ignore wants none; false then.
bool add_notify_directory(Spec& spec, const std::string& manager, const std::string& state_directory);
/// Makes the directory on the host side.
Result<void> make_notify_directory(BorrowedFd state_directory);

class NotifyProxy {
 public:
  /// Binds our end, before the workload's program runs. Nothing where the container has no notify directory, or we no manager.
  static Result<std::optional<NotifyProxy>> open(BorrowedFd state_directory, pid_t main_pid);

  [[nodiscard]] BorrowedFd socket() const { return socket_; }
  /// Passes one datagram on: READY, STATUS, RELOADING, STOPPING, WATCHDOG, EXTEND_TIMEOUT_USEC, ERRNO and nothing else. After
  /// READY=1 the manager also hears that PID 1 is the main process. True once the workload is ready.
  bool forward();
  /// forward() until the workload is ready or the process behind the pidfd has ended.
  void wait_until_ready(BorrowedFd process);

 private:
  NotifyProxy(Fd socket, std::string manager, pid_t main_pid)
      : socket_(std::move(socket)), manager_(std::move(manager)), main_pid_(main_pid) {}
  void send(const std::string& text) const;

  Fd socket_;
  std::string manager_;
  pid_t main_pid_;
  bool ready_ = false;
};

}  // namespace warder::runtime
