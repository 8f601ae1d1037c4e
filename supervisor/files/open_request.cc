#include "supervisor/files/open_request.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

constexpr int temporary_bit = O_TMPFILE & ~O_DIRECTORY;
constexpr int large_file = 0100000;  // O_LARGEFILE of the kernel; glibc's is 0 on x86-64
constexpr int path_flags = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
constexpr int valid_flags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC |
                            O_ASYNC | O_DIRECT | large_file | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH |
                            temporary_bit;
constexpr std::uint64_t valid_resolve =
    RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;
constexpr mode_t valid_mode = 07777;

Outcome<void> check(const OpenRequest& request) {
  constexpr int made_directory = O_DIRECTORY | O_CREAT;
  if ((request.flags & made_directory) == made_directory) return Errno{EINVAL};  // Linux 6.4
  if ((request.flags & temporary_bit) != 0 && ((request.flags & O_DIRECTORY) == 0 || !request.writes())) return Errno{EINVAL};
  return {};
}

}  // namespace

bool OpenRequest::path_only() const { return (flags & O_PATH) != 0; }
bool OpenRequest::temporary() const { return (flags & temporary_bit) != 0; }
// Access mode 3 opens for ioctl alone, and asks for both permissions.
bool OpenRequest::reads() const { return (flags & O_ACCMODE) != O_WRONLY; }
bool OpenRequest::writes() const { return (flags & O_ACCMODE) != O_RDONLY; }

policy::Rights OpenRequest::rights() const {
  policy::Rights wanted;
  if (path_only()) return wanted;
  if (reads()) wanted = wanted | policy::Right::read;
  if (writes()) wanted = wanted | policy::Right::write;
  if ((flags & O_TRUNC) != 0) wanted = wanted | policy::Right::truncate;
  return wanted;
}

Outcome<OpenRequest> parse_open(std::uint64_t flags, std::uint64_t mode) {
  OpenRequest request;
  request.flags = static_cast<int>(flags) & valid_flags;
  if (request.path_only()) request.flags &= path_flags;
  if ((request.flags & (O_CREAT | temporary_bit)) != 0) request.mode = static_cast<mode_t>(mode) & valid_mode;
  WARDER_GET(check(request));
  return request;
}

Outcome<OpenRequest> copy_open_how(Caller& caller, std::uint64_t address, std::uint64_t size) {
  const open_how how = WARDER_GET(copy_extensible<open_how>(caller, address, size));
  if ((how.flags & ~static_cast<std::uint64_t>(valid_flags)) != 0 || (how.resolve & ~valid_resolve) != 0) return Errno{EINVAL};
  constexpr std::uint64_t scoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
  if ((how.resolve & scoped) == scoped) return Errno{EINVAL};
  OpenRequest request;
  request.flags = static_cast<int>(how.flags);
  const bool creates = (request.flags & (O_CREAT | temporary_bit)) != 0;
  if (creates ? (how.mode & ~static_cast<std::uint64_t>(valid_mode)) != 0 : how.mode != 0) return Errno{EINVAL};
  if (request.path_only() && (request.flags & ~path_flags) != 0) return Errno{EINVAL};
  request.mode = static_cast<mode_t>(how.mode);
  request.resolve = how.resolve;
  WARDER_GET(check(request));
  if ((how.resolve & RESOLVE_CACHED) != 0) return Errno{EAGAIN};
  return request;
}

}  // namespace warder::supervisor::files
