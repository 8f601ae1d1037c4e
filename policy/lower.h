// From Profile to Compiled: chooses for every rule the cheapest enforcer that enforces it exactly on this kernel.
//
// lower() makes no system call: facts about the kernel (linux/facts.h) and about the container's root file system enter as
// values and callbacks. A rule that nothing can enforce is an error with file and line, never a warning.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/facts.h"
#include "linux/result.h"
#include "policy/address_program.h"
#include "policy/profile.h"

namespace warder::policy {

/// What stands at a path of the container's root once all mounts of config.json are made.
enum class FileKind : std::uint8_t {
  unknown,    ///< below a mount that is not made yet
  absent,     ///< nothing
  directory,  ///< also the destination of a mount that will be a directory
  other,      ///< anything else, symlinks not followed
};

struct ListedFile {
  std::string name;
  FileKind kind = FileKind::unknown;
};

/// What lower() may ask about the container. A default-constructed value knows nothing: literal paths stand for themselves, and
/// whatever depends on the contents of the root file system is left to the supervisor. Paths are absolute in the container.
struct ContainerFacts {
  /// The canonical form of a literal path: symlinks resolved below the container's root as far as the path exists, the rest
  /// kept as it is. Must not resolve /proc/self and /proc/thread-self.
  std::function<std::string(std::string_view literal)> canonical;
  std::function<FileKind(std::string_view canonical)> kind;
  /// The names in a directory; nothing where it is not known what it will hold.
  std::function<std::optional<std::vector<ListedFile>>(std::string_view canonical)> list;
  /// Whether programs can be attached to a cgroup2 directory that is the container's own and that it cannot leave. Asked only
  /// where a profile could make use of it. Not given: no.
  std::function<bool()> has_guarded_cgroup;
};

enum class Enforcer : std::uint8_t {
  none,            ///< nothing is refused by this entry
  mount,           ///< read-only mount
  landlock,        ///< Landlock alone
  bpf,             ///< the seccomp program alone
  cgroup,          ///< programs of the container's cgroup
  notify,          ///< the supervisor
  exec_stop,       ///< the supervisor, and for execve the check at the exec stop
  capability_set,  ///< the workload's capability sets
};
[[nodiscard]] std::string_view enforcer_name(Enforcer enforcer);
/// "no cost", "tens of ns", "one round trip to the supervisor": what one call of the workload pays.
[[nodiscard]] std::string_view enforcer_cost(Enforcer enforcer);

/// How one line of the profile is enforced.
struct EntryReport {
  Source source;
  std::string text;  ///< the entry as a reader knows it: `"/etc/shadow": none`
  std::vector<Enforcer> enforcers;
  bool silent = false;  ///< its refusals leave no line in the audit log
  std::string note;     ///< why, where it is not obvious; may be empty
};

/// One system call that the program hands to the supervisor or refuses itself, and the line that made it so.
struct CallReport {
  int number = 0;
  std::string name;
  Enforcer enforcer = Enforcer::notify;
  std::string when;    ///< "" always, or the condition: "opens for writing"
  std::string reason;  ///< which rule: "`hide` of \"/run/secrets/**\"", "hardening: kernel attack surface"
  int error = 0;       ///< errno where the program refuses it; 0 where the supervisor decides
  Source source;
};

struct Lowered {
  std::vector<std::byte> block;  ///< for policy::Compiled::open
  std::vector<EntryReport> entries;
  std::vector<CallReport> calls;
  std::vector<AddressProgram> address_programs;  ///< to be attached to the container's cgroup2 directory before it runs
  std::uint64_t second_wall = 0;                 ///< LANDLOCK_ACCESS_FS_* that Landlock repeats below the supervisor
};

/// Compiles a checked profile, its ceiling included, for one kernel and one container.
[[nodiscard]] Result<Lowered> lower(const Profile& profile, const KernelFacts& kernel, const ContainerFacts& container);

/// The block with which PID 1 decides by another profile in a container that was created with `created`: without a seccomp
/// program, a ruleset and mounts, which stay as they are (policy/live_change.h says whether that will do).
[[nodiscard]] Result<std::vector<std::byte>> lower_for_running(const Profile& profile, const Compiled& created,
                                                               const ContainerFacts& container);

}  // namespace warder::policy
