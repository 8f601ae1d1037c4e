// The compiled profile: one flat, position-independent block of bytes that enforces without parsing anything.
//
// `warder` writes it (policy/lower.h), a sealed memfd carries it, warder-init maps it read-only and asks it. The view below
// copies nothing, allocates nothing and makes no system call, so that it may be used in a supervisor's worker thread and in a
// process between fork and exec. It links without YAML, JSON or formatting libraries.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "linux/result.h"
#include "policy/core/address.h"
#include "policy/core/rights.h"

namespace warder::policy {

enum class Mode : std::uint8_t { enforce, audit, learn };
enum class DenyAction : std::uint8_t { refuse, kill, stop_container };

/// Where a verdict was written: the profile file as the administrator knows it, and the line of the entry.
struct Origin {
  std::string_view file;  ///< "builtin" for the hardening set; never empty
  std::uint32_t line = 0;
};

/// Where a deciding line stands, and so what a line of the profile's own could do about it.
enum class Standing : std::uint8_t {
  own,      ///< in the profile's own file
  layer,    ///< in a layer below: what it takes away needs `override: true`
  ceiling,  ///< in the administrator's ceiling: nothing gives it back
  builtin,  ///< the hardening set
};

/// What to do with one operation. `allowed` already is the final word: in audit and learn mode it is true, and
/// `would_refuse` tells what enforcement would have said.
struct Verdict {
  bool allowed = false;
  bool would_refuse = false;
  bool audited = false;  ///< log it although it is allowed
  bool hidden = false;   ///< refused as if the object did not exist
  int error = 0;         ///< the errno of the refusal
  DenyAction action = DenyAction::refuse;
  Origin origin;  ///< the deciding entry, or the section that no entry of matched
  Standing standing = Standing::own;
  Rights given;  ///< of a path: what it has, without regard to what was wanted
};

enum class NetOperation : std::uint8_t { connect, bind, listen, send };

/// One rule of the Landlock ruleset, to be opened below the container's root when the workload confines itself.
struct LandlockPathRule {
  std::string_view path;     ///< literal and absolute in the container
  std::uint64_t access = 0;  ///< LANDLOCK_ACCESS_FS_*
  bool optional = false;     ///< the path may be absent at start (nothing to allow then)
};
struct LandlockPortRule {
  std::uint16_t port = 0;
  std::uint64_t access = 0;  ///< LANDLOCK_ACCESS_NET_*
};

/// From this path on, down to the next rule, the runtime's mounts let files be mapped executable, or nobody
/// (policy/exec_mounts.h).
struct ExecMountRule {
  std::string_view path;  ///< absolute in the container
  bool executable = false;
  bool name_alone = false;  ///< nothing is to be done where a directory has this name
  bool keeps_link = false;  ///< nor where a symbolic link has it
  bool to_be_made = false;  ///< an empty directory, where nothing is there
  bool may_be_absent = false;
};

/// A read-only view of a compiled profile. Cheap to copy; the bytes must outlive it.
class Compiled {
 public:
  /// Checks magic, version, sizes and every offset once; a block that passes can be asked without further checks.
  static Result<Compiled> open(std::span<const std::byte> block);

  [[nodiscard]] std::span<const std::byte> block() const { return block_; }
  [[nodiscard]] std::string_view profile_name() const;
  [[nodiscard]] std::string_view profile_hash() const;  ///< "sha256:…" over all layers
  [[nodiscard]] Mode mode() const;

  [[nodiscard]] bool decides_paths() const;
  [[nodiscard]] bool decides_network() const;
  /// True where any entry hides, so that stat, readdir and friends must be answered too.
  [[nodiscard]] bool hides() const;

  /// May an object with this canonical container path be used with all of `wanted`? A `wanted` of no rights asks about
  /// existence only: refused (ENOENT) just where the path is hidden.
  [[nodiscard]] Verdict path(std::string_view canonical, Rights wanted) const;
  /// May the directory `from` take the name `to`? Refused with EXDEV where anything below could gain a right by it.
  /// The rights on the two names themselves (rename, …) are asked with path().
  [[nodiscard]] Verdict move_directory(std::string_view from, std::string_view to) const;
  /// Is `name` directly in `directory` hidden? For readdir.
  [[nodiscard]] bool hidden_in(std::string_view directory, std::string_view name) const;

  [[nodiscard]] Verdict address(NetOperation operation, const Endpoint& endpoint) const;
  /// True where lines of `network.connect` name hosts, or all uses are recorded: the supervisor then answers DNS questions.
  [[nodiscard]] bool names_hosts() const;
  /// May the resolver at `endpoint` be asked by DNS about `endpoint.hosts`? The last line that names one of these decides,
  /// whatever its ports; where none does, sending to the resolver's address is judged.
  [[nodiscard]] Verdict question(const Endpoint& endpoint) const;
  /// May a socket of this AF_* be created? Refused with EAFNOSUPPORT.
  [[nodiscard]] Verdict family(int address_family) const;
  /// The families that the container's own profile lists; empty where it restricts none.
  [[nodiscard]] std::span<const std::int32_t> families() const;
  /// The refusal of a system call that the filter hands to the supervisor only so that it is logged.
  /// `allowed` where the number is no such call.
  [[nodiscard]] Verdict syscall(int number) const;
  /// True where the filter hands the call over as a whole and its number alone decides, so that one that is allowed may be run
  /// by the kernel.
  [[nodiscard]] bool decides_by_number(int number) const;
  /// How many lines may decide something: entries of `paths`, addresses, system calls, sections.
  [[nodiscard]] std::size_t line_count() const;
  /// True where execve must be checked at the exec stop because Landlock cannot express the exec rights.
  [[nodiscard]] bool checks_exec() const;

  /// The seccomp program of the workload; empty where nothing is to be filtered.
  [[nodiscard]] std::span<const sock_filter> filter() const;
  /// True where the program returns SECCOMP_RET_USER_NOTIF for anything, so that a listener is needed.
  [[nodiscard]] bool needs_listener() const;

  [[nodiscard]] std::uint64_t landlock_handled_fs() const;   ///< 0: no path ruleset
  [[nodiscard]] std::uint64_t landlock_handled_net() const;  ///< 0: no port ruleset
  [[nodiscard]] std::uint64_t landlock_scoped() const;
  [[nodiscard]] std::size_t landlock_path_count() const;
  [[nodiscard]] LandlockPathRule landlock_path(std::size_t index) const;
  [[nodiscard]] std::size_t landlock_port_count() const;
  [[nodiscard]] LandlockPortRule landlock_port(std::size_t index) const;

  /// Trees that the runtime mounts read-only before the workload starts, absolute in the container.
  [[nodiscard]] std::size_t read_only_count() const;
  [[nodiscard]] std::string_view read_only(std::size_t index) const;

  /// Parents before children; none where everything that can be read may be mapped executable.
  [[nodiscard]] std::size_t exec_mount_count() const;
  [[nodiscard]] ExecMountRule exec_mount(std::size_t index) const;

  /// The capability ceiling (bit N = capability N); all ones where the profile sets none.
  [[nodiscard]] std::uint64_t capability_ceiling() const;

 private:
  explicit Compiled(std::span<const std::byte> block) : block_(block) {}
  std::span<const std::byte> block_;
};

}  // namespace warder::policy
