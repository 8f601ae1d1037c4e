// What later commands know of a container: its state directory and the JSON file in it. The host process of a command.
//
// /run/warder/ID (root default: /run/warder, rootless $XDG_RUNTIME_DIR/warder), mode 0700, holds
//   state.json    written once the container is created; replaced by rename(2), so that a reader never sees half of it
//   lock          flock(2)ed by every command that changes the container
//   started       exists from `start` on: tells `created` from `running`
//   control.sock  PID 1's control socket
//   boot, audit.log …  as their owners document
// Callers do not repeat their flags (conmon never gives --systemd-cgroup to exec), so that everything needed is here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

/// A process that may be gone and its number reused: the start time tells.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat, clock ticks since boot

  [[nodiscard]] bool known() const { return pid > 0; }
};

/// Identifies a live process of the runtime's PID namespace.
Result<ProcessIdentity> identify_process(pid_t pid);
/// True while that very process exists and is not a zombie.
[[nodiscard]] bool still_alive(const ProcessIdentity& process);

/// Where the container's cgroup is; written by runtime/cgroups and given back to it.
struct CgroupState {
  std::string manager = "cgroupfs";  ///< "cgroupfs", "systemd", "systemd-user" or "disabled"
  std::string path;                  ///< relative to the root of each hierarchy, with a leading "/"
  /// The directories that warder made or joined, absolute on the host: one for v2, one per controller for v1.
  struct Directory {
    std::string controllers;  ///< "" for v2, "memory", "cpu,cpuacct", "name=systemd" for v1
    std::string directory;
    bool created = false;  ///< false: it was there before; `delete` leaves it
  };
  std::vector<Directory> directories;
  /// Of a hybrid machine's cgroup2, also for programs that guard addresses; "" where directories[0] is it, or where there is
  /// none.
  std::string guard;
  std::string systemd_scope;
};

struct ProfileState {
  std::string name;
  std::string file;  ///< on the host; "builtin" for the built-in default
  std::string hash;  ///< over all layers
  struct Layer {
    std::string name, file, hash;
  };
  std::vector<Layer> layers;
};

struct ContainerState {
  std::string oci_version;  ///< as config.json says it
  std::string id;
  std::string bundle;   ///< absolute
  std::string rootfs;   ///< absolute
  std::string created;  ///< RFC 3339 with nanoseconds, UTC
  uid_t owner = 0;
  bool rootless = false;
  Annotations annotations;

  ProcessIdentity init;      ///< PID 1: the pid file's process, in the runtime's PID namespace
  ProcessIdentity workload;  ///< the first process of the workload
  bool private_pid_namespace = true;
  bool own_user_namespace = false;
  bool has_terminal = false;

  CgroupState cgroup;
  std::vector<std::string> resctrl_groups;  ///< directories below /sys/fs/resctrl that were made for it
  ProfileState profile;
  std::vector<Hook> poststart, poststop;
};

enum class Status : std::uint8_t { creating, created, running, paused, stopped };
[[nodiscard]] std::string_view status_word(Status status);

/// An id that is safe as a file name: [A-Za-z0-9_+.-], not empty, not "." or "..", at most 1024 bytes. Anything else:
/// "invalid container ID format".
Result<void> check_container_id(std::string_view id);

/// The directory of all containers: made on demand, 0700, owned by the caller.
struct StateRoot {
  std::string path;

  /// `given` from --root, or the default of a user.
  static Result<StateRoot> find(const std::optional<std::string>& given);
  /// The ids that have a directory, sorted. An absent root has none.
  [[nodiscard]] std::vector<std::string> ids() const;
};

/// One container's state directory, held open. Movable; closing it frees the lock.
class StateDirectory {
 public:
  /// Makes the directory of a new container: fails with "container with given ID already exists".
  static Result<StateDirectory> create(const StateRoot& root, const std::string& id);
  /// Opens the directory of an existing one: fails with "container 'ID' does not exist".
  static Result<StateDirectory> open(const StateRoot& root, const std::string& id);

  /// Waits for the container's lock; held until this object goes.
  Result<void> lock();
  /// Lets others change the container.
  void unlock() { lock_.reset(); }

  Result<ContainerState> load() const;
  Result<void> save(const ContainerState& state) const;

  Result<void> mark_started() const;
  [[nodiscard]] bool started() const;

  /// Removes the directory and everything in it. The object is unusable afterwards.
  Result<void> remove();

  [[nodiscard]] BorrowedFd fd() const { return directory_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  StateDirectory(std::string path, std::string id, Fd directory)
      : path_(std::move(path)), id_(std::move(id)), directory_(std::move(directory)) {}

  std::string path_, id_;
  Fd directory_, lock_;
};

/// state.json's text and back; for StateDirectory and tests.
[[nodiscard]] std::string state_to_json(const ContainerState& state);
Result<ContainerState> state_from_json(std::string_view text);

/// The OCI state object as hooks get it and `state` begins with. `pid` as the reader of the object knows it.
[[nodiscard]] std::string oci_state_json(const ContainerState& state, Status status, pid_t pid);

}  // namespace warder::runtime
