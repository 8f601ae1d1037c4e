// The few requests that warder has for a systemd manager, over D-Bus. Host process of a command that was asked for the systemd
// cgroup manager; libsystemd is loaded then and never otherwise.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/cgroups/unit_property.h"

namespace warder::runtime {

/// The machine's manager, or the one of a user's session.
enum class SystemdInstance { system, user };

/// A connection to the manager. Every call waits for its answer (25 s at most); errors carry systemd's own words. Not for use
/// from a forked child.
class SystemdBus {
 public:
  /// Loads libsystemd.so.0 and connects: to the system bus, or to the bus of the calling user's session (XDG_RUNTIME_DIR).
  static Result<SystemdBus> connect(SystemdInstance instance);
  SystemdBus(SystemdBus&&) noexcept;
  SystemdBus& operator=(SystemdBus&&) noexcept;
  ~SystemdBus();

  /// Makes a transient unit and waits until its job is done. `properties` hold the PIDs of a scope.
  Result<void> start_transient(const std::string& unit, const std::vector<UnitProperty>& properties);
  /// The unit's cgroup, from the root of the hierarchies, with a leading "/".
  Result<std::string> control_group(const std::string& unit);
  /// Until the machine restarts.
  Result<void> set_properties(const std::string& unit, const std::vector<UnitProperty>& properties);
  /// Moves a process into the unit's cgroup; the unit must be delegated. A user's manager asks the machine's where it has not
  /// got the right itself (systemd 238).
  Result<void> attach(const std::string& unit, pid_t pid);
  /// Stops the unit and waits for that. A unit that is not there is stopped.
  Result<void> stop(const std::string& unit);

 private:
  struct Connection;
  explicit SystemdBus(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace warder::runtime
