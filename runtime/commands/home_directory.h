// HOME for a process whose configuration names none: engines leave it to the runtime. The host process of `create` and `exec`.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "linux/fd.h"

namespace warder::runtime {

/// The home directory that the container's /etc/passwd has for this uid, "/" where it has none. `passwd` is an open file of the
/// image: hostile text, so that only the line of the number counts, never a name (CVE-2016-3697), and only an absolute path.
[[nodiscard]] std::string home_in(std::string_view passwd, uid_t uid);

/// Adds HOME to an environment that has none, from /etc/passwd below `root` (an O_PATH directory; invalid: no file).
void complete_home(std::vector<std::string>& env, BorrowedFd root, uid_t uid);

/// The same for a session that took its environment from the container's process of another user: the HOME that `create` added
/// for that user is not this one's.
void change_home(std::vector<std::string>& env, BorrowedFd root, uid_t from, uid_t to);

}  // namespace warder::runtime
