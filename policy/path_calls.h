// Which system call needs which rights on paths: the table from which the trap set of a profile follows. Pure data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "policy/core/rights.h"
#include "policy/filter.h"

namespace warder::policy {

/// Where a call looks at a path.
enum class PathUse : std::uint8_t {
  rights,     ///< it needs rights, and would reveal whether a hidden path exists
  existence,  ///< it needs no right, but reveals whether a hidden path exists
  object,     ///< it works on a descriptor, and needs rights on what that is
};

struct PathCall {
  std::string_view call;
  PathUse use = PathUse::rights;
  Rights rights;          ///< what it may need; trapped where one of these is not given everywhere
  Rights flags_rights;    ///< of these, what it needs only where `flags` say so
  int flags = -1;         ///< the argument with open(2) flags, or -1
  std::string_view when;  ///< for explain, of the form with flags
};

[[nodiscard]] std::span<const PathCall> path_calls();

/// The conditions under which an open may write, create or truncate: the access mode, with 3 counting as writing, O_CREAT and
/// O_TRUNC. O_TMPFILE needs an access mode that writes.
[[nodiscard]] std::vector<ArgumentTest> opens_for_writing(unsigned flags_argument);

/// Requests that every descriptor may be asked, as a list of tests of ioctl's second argument of which one must hold: terminals
/// (but TIOCSTI, TIOCLINUX and TIOCSETD) and sockets.
[[nodiscard]] std::span<const ArgumentTest> harmless_ioctls();

}  // namespace warder::policy
