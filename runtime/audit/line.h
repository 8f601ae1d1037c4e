// One line of the audit log as `warder audit` and `warder profile learn` read it; warder-audit(5) documents the fields. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "linux/result.h"

namespace warder::runtime {

/// Version 1. A member that the line does not have is empty or 0. Every text may hold anything that the workload chose, control
/// characters included: printable() before it meets a terminal.
struct AuditLine {
  std::string time, id, profile, hash;
  std::string event;  ///< "rate-limit", "profile-update", "usage"; empty: an operation
  std::uint64_t lost = 0;
  std::string comm, exe, syscall;
  std::string right, path, address, host, section;
  std::string verdict, rule, enforcer, hint;
  std::uint64_t allowed = 0, refused = 0, answers = 0, nanoseconds = 0;  ///< of an event "usage"
  std::uint64_t count = 1;                                               ///< how many operations the line stands for

  /// The path, the address or the system call: what the operation was about.
  [[nodiscard]] const std::string& object() const;
  /// The right, the section of an address, or "syscall".
  [[nodiscard]] std::string_view wanted() const;
};

/// Takes one line apart. The error says why it is none: not JSON, of another version, a member of the wrong type.
Result<AuditLine> parse_audit_line(std::string_view text);

/// Is the container `id` the one that a person means by `asked`: the id, or the first six or more digits of an engine's.
[[nodiscard]] bool id_matches(std::string_view id, std::string_view asked);

/// The text with everything that could steer a terminal written as \u{HEX}.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace warder::runtime
