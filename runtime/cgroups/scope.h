// The container's scope under systemd: its name, and making, changing and ending it. Host process of a command.
#pragma once

#include <string>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/cgroups/systemd_bus.h"
#include "runtime/cgroups/unit_property.h"

namespace warder::runtime {

/// linux.cgroupsPath as the engines write it for the systemd manager: "SLICE:PREFIX:NAME".
struct ScopeName {
  std::string slice;  ///< "machine.slice"; empty in the path: system.slice, rootless user.slice
  std::string unit;   ///< "PREFIX-NAME.scope"

  /// "" stands for "::ID", with the prefix "warder". Pure.
  static Result<ScopeName> parse(const std::string& cgroups_path, const std::string& id, SystemdInstance instance);
};

/// A process in a scope that has no other yet: systemd ends a scope as soon as it is empty, and makes none without a process.
/// It does nothing, holds nothing open, dies with its parent, and is ended and reaped with this object.
class Placeholder {
 public:
  static Result<Placeholder> start();
  Placeholder(Placeholder&& other) noexcept = default;
  Placeholder& operator=(Placeholder&& other) noexcept = default;
  ~Placeholder();

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Placeholder(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_;
  Fd pidfd_;
};

/// Makes the scope around the placeholder; gives its cgroup from the root of the hierarchies. On failure nothing is left.
Result<std::string> start_scope(SystemdBus& bus, const ScopeName& name, const std::string& id, const Placeholder& placeholder,
                                const std::vector<UnitProperty>& limits, const std::vector<UnitProperty>& annotated);

}  // namespace warder::runtime
