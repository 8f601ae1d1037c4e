// What becomes of each x86-64 system call: one disposition for every number, derived from the tables that enforce it. Pure data.
//
// The section of warder-supervisor(7) is generated from here, and tests hold it against the tables and a running kernel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace warder::policy {

enum class Disposition : std::uint8_t {
  answered,   ///< performed for the caller by the supervisor, where a profile needs it; else native
  checked,    ///< judged by the supervisor and then run by the kernel, behind a second wall
  registers,  ///< some forms of it are refused by the seccomp program, which reads flags and numbers
  refused,    ///< refused in every profile, or in those with a section that it would go around
  native,     ///< never looked at
};

struct CallDisposition {
  int number = 0;
  std::string_view name;
  Disposition disposition = Disposition::native;
  int error = 0;            ///< of `refused`
  std::string_view when;    ///< "" for every profile, else which profiles: "with `paths`"
  std::string_view reason;  ///< why it may be so
};

/// One for each number that has a name, in the order of numbers. A number that no table knows has an empty reason: a test says
/// so.
[[nodiscard]] std::span<const CallDisposition> call_dispositions();

[[nodiscard]] std::string_view disposition_name(Disposition disposition);

/// The section of the manual, in scdoc(5).
[[nodiscard]] std::string dispositions_manual();

}  // namespace warder::policy
