// The reference meaning of a profile: what is allowed, in the fewest words. Pure and slow.
//
// Every enforcer is tested and fuzzed against these functions; `warder profile explain` and `test` print their answers. They
// take the merged Profile with its ceiling(s) and give the verdict that Compiled must give.
//
// Common to all: the ceiling is asked first (with its own mode and on-deny); what it refuses is refused. In mode audit and
// learn an operation is allowed and `would_refuse` is set. `error` is the entry's errno, else on-deny's, else the default named
// below. `action` is on-deny's, except that what is hidden (ENOENT) is never answered by a kill.
#pragma once

#include <string_view>

#include "policy/core/address.h"
#include "policy/core/compiled.h"
#include "policy/core/rights.h"
#include "policy/profile.h"

namespace warder::policy {

/// May the object with this canonical path be used with all of `wanted`? Each wanted right is decided by the last entry that
/// matches; no match: refused, with the section's line as origin. Default errno EACCES. An entry that hides also matches
/// everything below what its pattern matches, so that a later entry may still show a part of it. Existence (`wanted` empty) is
/// refused (ENOENT) only where the deciding entry hides. `audited` where an allowed right is in the entry's audit set.
[[nodiscard]] Verdict decide_path(const Profile& profile, std::string_view canonical, Rights wanted);

/// The rights of a path without regard to mode; `hidden` as for decide_path. What `explain` shows.
struct PathRights {
  Rights allow;
  Rights audit;
  bool hidden = false;
  const PathEntry* entry = nullptr;       ///< deciding; null: no entry matches
  const PathEntry* name_entry = nullptr;  ///< deciding rights_of_the_name; usually the same
};
[[nodiscard]] PathRights path_rights(const Profile& profile, std::string_view canonical);

/// May the directory `from` take the name `to`? EXDEV where some path strictly below it would have a right at its new name that
/// it has not at its old one, or would stop being hidden. (Rights on the two names themselves are decide_path's.)
[[nodiscard]] Verdict decide_move(const Profile& profile, std::string_view from, std::string_view to);

/// May what is no directory get the name `to` besides (link) or instead of (rename) `from`? EXDEV where its contents or
/// attributes would have a right by the new name that they have not by the old one. (`right`, on both names, is asked first.)
[[nodiscard]] Verdict decide_file_move(const Profile& profile, std::string_view from, std::string_view to, Right right);

/// connect and send are decided by `network.connect`, bind and listen by `network.bind`; the last matching line decides, no
/// match: refused. Default errno EACCES. A rule with a DNS name matches where `endpoint.hosts` has it.
/// Transport::other (raw, SCTP, packet, vsock, …) is refused where the section is present, except AF_NETLINK, which
/// `families` decides alone.
[[nodiscard]] Verdict decide_address(const Profile& profile, NetOperation operation, const Endpoint& endpoint);
/// A DNS question about `endpoint.hosts` to the resolver at `endpoint`: the last line of `network.connect` that names one of the
/// hosts decides, whatever its ports; where none does, sending to the resolver is judged.
[[nodiscard]] Verdict decide_question(const Profile& profile, const Endpoint& endpoint);
/// `network.families` and the hardening set (AF_ALG, AF_VSOCK; where addresses decide and no families are listed, all but unix,
/// inet, inet6 and netlink); always EAFNOSUPPORT.
[[nodiscard]] Verdict decide_family(const Profile& profile, int address_family);
/// `syscalls`: the last rule with the number decides; else the hardening set. Default errno EPERM.
[[nodiscard]] Verdict decide_syscall(const Profile& profile, int number);

}  // namespace warder::policy
