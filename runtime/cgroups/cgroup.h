// The container's cgroup, whatever the machine mounts: one directory of cgroup2, or one per mounted v1 hierarchy. The host
// process of a command; root, or the owner of a delegated subtree.
//
// Two managers: "cgroupfs" makes the directories itself; "systemd" asks systemd for a scope and works in the directory that it
// gets. Limits are written to the files in both cases.
//
// On a hybrid machine (v1 controllers, cgroup2 beside them at /sys/fs/cgroup/unified) all v1 hierarchies are used, and the
// unified one too, although it has no controller; programs that guard addresses hang there. All that later commands need is in
// the CgroupState that goes into state.json: nothing is derived again from config.json, because callers do not repeat their
// flags.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "policy/address_program.h"
#include "runtime/cgroups/limits.h"
#include "runtime/config/spec.h"
#include "runtime/state/container_state.h"

namespace warder::runtime {

/// One mounted hierarchy.
struct Hierarchy {
  std::string controllers;  ///< "" for cgroup2; as mounted, "cpu,cpuacct" or "name=systemd" for v1
  std::string mount_point;  ///< absolute on the host
  std::string own_path;     ///< the calling process's own cgroup in it, below mount_point, with a leading "/"
};

/// What the machine mounts. `unified`: cgroup2 carries the controllers and is the only hierarchy used.
struct CgroupLayout {
  bool unified = false;
  std::vector<Hierarchy> hierarchies;
  std::optional<Hierarchy> beside;  ///< of a hybrid machine: cgroup2 without the controllers

  static Result<CgroupLayout> probe();
  /// The same from the texts of /proc/self/mountinfo and /proc/self/cgroup; pure.
  static Result<CgroupLayout> parse(std::string_view mountinfo, std::string_view self_cgroup);
};

struct CgroupRequest {
  const std::string& id;
  const std::string& cgroups_path;  ///< linux.cgroupsPath: absolute from the hierarchy's root, relative to our own cgroup, or ""
  const Resources& resources;
  const Annotations& annotations;                                 ///< org.systemd.property.* count for manager "systemd"
  std::string manager = "cgroupfs";                               ///< "cgroupfs", "systemd" or "disabled"
  std::span<const policy::AddressProgram> address_programs = {};  ///< to be attached; refused where there is no cgroup2
  bool rootless = false;  ///< hierarchies that we may not write are skipped; systemd is the user's
  /// Told what is about to be made, so that whoever finds the caller killed half way can remove it.
  std::function<Result<void>(const CgroupState&)> announce;
};

/// Numbers as the kernel gives them; what a hierarchy does not have is absent.
struct CgroupStats {
  std::map<std::string, std::uint64_t> numbers;  ///< "cpu.usage_ns", "memory.usage_bytes", "memory.limit_bytes", "pids.current" …
  std::vector<std::uint64_t> per_cpu_ns;
  std::map<std::string, std::uint64_t> memory_stat;
  struct BlockIo {
    std::uint64_t major = 0, minor = 0;
    std::string operation;
    std::uint64_t value = 0;
  };
  std::vector<BlockIo> io_service_bytes, io_serviced;
  std::map<std::string, std::map<std::string, std::uint64_t>> hugetlb;  ///< page size -> usage, max, failcnt
};

/// The way into a cgroup for a process that is about to be made. Opened by the runtime with its own rights, used by the child,
/// which may have none.
///
/// Moving another process waits for an RCU grace period (some 10 ms) because of the lock against its forking; a single-threaded
/// process that writes "0" to v1's `tasks` needs no lock since Linux 5.19, and v2 takes a process at birth.
struct CgroupEntrance {
  std::vector<Fd> tasks;  ///< v1
  Fd birth_place;         ///< v2: for CLONE_INTO_CGROUP (Linux 5.7); invalid where the caller may not, see Cgroup::enter()

  /// Moves the calling process. It must be single-threaded.
  [[nodiscard]] Result<void> enter() const;
};

class Placeholder;

class Cgroup {
 public:
  /// Makes the directories and applies the limits. A directory that is there already is used if no process is in it and it is not
  /// frozen. On failure what was made is removed again. A path with "..", or one that leads through a symbolic
  /// link, is refused. Under systemd the object keeps the scope alive until a process of the container is in it.
  static Result<Cgroup> create(const CgroupRequest& request);
  /// The cgroup of an existing container.
  static Cgroup from_state(CgroupState state) { return Cgroup(std::move(state)); }

  [[nodiscard]] const CgroupState& state() const { return state_; }
  /// False with manager "disabled": every operation below then succeeds and does nothing.
  [[nodiscard]] bool enabled() const { return !state_.directories.empty(); }
  [[nodiscard]] bool unified() const { return state_.directories.size() == 1 && state_.directories[0].controllers.empty(); }

  Result<CgroupEntrance> entrance() const;
  /// Moves any process in, with all its threads; see CgroupEntrance for what that costs. A user who may not is helped by the
  /// user's systemd, where that is the manager.
  Result<void> enter(pid_t pid) const;
  /// A directory below the container's cgroup for an exec session, "PATH" or, for some v1 controllers, "CONTROLLERS:PATH" ("/" is
  /// the container's own); ".." and symlinks are refused.
  Result<Cgroup> below(std::string_view place) const;
  /// v2: where a session goes whose container has divided its cgroup further, which leaves no room for processes at the top: to
  /// the process `pid` of the container. Anywhere else this cgroup itself.
  Result<Cgroup> for_session(pid_t pid) const;

  /// Waits until the kernel reports every process frozen (10 s at most), or thawed.
  Result<void> freeze() const;
  Result<void> thaw() const;
  Result<bool> frozen() const;

  /// Sends SIGKILL to everything in it and below, frozen or not, until nothing is left (10 s at most).
  Result<void> kill_all() const;
  /// Sends a signal once to every process in it and below.
  Result<void> signal_all(int signal) const;
  /// Host pids of all processes in it and below it, ascending.
  Result<std::vector<pid_t>> processes() const;

  /// All limits or none: what was written before one failed is written back.
  Result<void> update(const Resources& resources) const;
  Result<CgroupStats> stats() const;
  /// How often the kernel's OOM killer has killed in it.
  Result<std::uint64_t> oom_kills() const;

  /// Removes what create() made, sub-cgroups included; retries while dying processes still hold it (10 s at most).
  Result<void> remove() const;

 private:
  explicit Cgroup(CgroupState state) : state_(std::move(state)) {}
  static Result<Cgroup> create_scope(const CgroupRequest& request);
  /// Attaches the programs; on a hybrid machine to a directory of its cgroup2 that is made for them.
  Result<void> guard_addresses(const CgroupRequest& request);
  Result<void> apply(const CgroupRequest& request) const;
  Result<void> make_directories(const CgroupRequest& request, const std::string& path);
  [[nodiscard]] bool under_systemd() const { return !state_.systemd_scope.empty(); }
  Result<void> tell_systemd(const std::vector<CgroupWrite>& writes) const;
  Result<void> attach_by_systemd(pid_t pid) const;
  Result<void> stop_scope() const;
  /// The directory of a v1 controller, or the only one of v2; nullptr where it is not mounted.
  [[nodiscard]] const std::string* directory(std::string_view controller) const;

  CgroupState state_;
  std::shared_ptr<Placeholder> placeholder_;  ///< of a scope that create() has just made
};

}  // namespace warder::runtime
