// A Landlock ruleset under construction. The calling process; no privileges, but no_new_privs or CAP_SYS_ADMIN to restrict.
//
// What a ruleset handles is denied unless a rule allows it, forever, for the calling thread and all that it creates. Rights that
// the running kernel does not know must not be asked for: probe with landlock_abi().
#pragma once

#include <cstdint>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::kernel {

/// The Landlock ABI of this kernel: 1 (5.13), 2 REFER (5.19), 3 TRUNCATE (6.2), 4 TCP ports (6.7), 5 IOCTL_DEV (6.10), 6 scopes
/// (6.12), 7 audit (6.15); 0 where Landlock is not built in or not enabled.
[[nodiscard]] int landlock_abi();

class LandlockRuleset {
 public:
  /// `handled_fs`, `handled_net`: LANDLOCK_ACCESS_*; `scoped`: LANDLOCK_SCOPE_*. Bits that this kernel does not know are EINVAL.
  static Result<LandlockRuleset> create(std::uint64_t handled_fs, std::uint64_t handled_net, std::uint64_t scoped);

  /// Allows `access` below `parent` (O_PATH). For a file, rights that only directories have are EINVAL.
  Result<void> allow_path(BorrowedFd parent, std::uint64_t access);
  Result<void> allow_port(std::uint16_t port, std::uint64_t access);

  /// Puts the calling thread into a new domain with these rules.
  Result<void> restrict_self();

 private:
  explicit LandlockRuleset(Fd fd) : fd_(static_cast<Fd&&>(fd)) {}
  Fd fd_;
};

/// The rights that make sense on something that is not a directory.
[[nodiscard]] std::uint64_t landlock_file_rights();

}  // namespace warder::kernel
