#include "supervisor/files/open_straight.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/newer.h"
#include "supervisor/naming.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

/// Could the kernel have written this name? Names on the container's procfs are left out: "self" is somebody else there.
bool is_spelled_canonically(std::string_view path) {
  if (!path.starts_with('/') || path == "/proc" || path.starts_with("/proc/") || path.ends_with(" (deleted)")) return false;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view component = path.substr(at + 1, end - at - 1);
    if (component.empty() || component == "." || component == "..") return false;
    at = end;
  }
  return true;
}

bool only_reads(const OpenRequest& request) {
  return request.resolve == 0 && (request.flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH)) == O_RDONLY && !request.temporary();
}

/// Allowed as a file and as a directory (which of them is open is not known for sure until the end), and nothing to be logged.
bool is_uneventful(Call& call, std::string_view path, policy::Rights wanted, policy::Verdict& verdict) {
  verdict = call.worker.policy.path(path, Right::read | policy::Rights(Right::list));
  AuditEvent event;
  event.wanted = wanted;
  event.path = path;
  return verdict.allowed && !verdict.would_refuse && !call.worker.audit.wants(event, verdict);
}

int open_no_links(const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

/// No link can have led through a procfs, where other names exist for the caller than for the worker.
bool is_absent(const PathText& path) {
  const Fd object(open_no_links(path.c_str(), O_PATH));
  return !object.valid() && errno == ENOENT;
}

}  // namespace

Outcome<Straight> open_straight(Call& call, const PathText& path, const OpenRequest& request, Fd& opened) {
  if (!only_reads(request) || call.caller.status().own_root || !is_spelled_canonically(path.view())) return Straight::look_closer;
  WARDER_GET(call.caller.act_on_files());
  CallerCache& cache = call.caller.cache();
  policy::Verdict verdict;
  struct statx facts {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_TYPE | kernel::statx_mount_id_unique,
              &facts) != 0) {
    const bool quiet = errno == ENOENT && is_uneventful(call, path.view(), Right::read, verdict);
    if (!quiet || !is_absent(path)) return Straight::look_closer;
    call.decided = call.worker.audit.usage().count(verdict);
    return Straight::absent;
  }
  const bool directory = S_ISDIR(facts.stx_mode);
  if ((!directory && !S_ISREG(facts.stx_mode)) || !is_ordinary_mount(cache, facts)) return Straight::look_closer;
  if (!is_uneventful(call, path.view(), directory ? Right::list : Right::read, verdict)) return Straight::look_closer;

  // A lease may keep the opener of a file waiting: such files are left to the full way, which can wait.
  const int waits_not = directory ? 0 : O_NONBLOCK;
  Fd found(open_no_links(path.c_str(), request.flags | O_NOCTTY | waits_not));
  PathText name;
  if (!found.valid() || !read_name(cache, found, name).ok() || name.view() != path.view()) return Straight::look_closer;
  // Only the flags that F_SETFL can set are looked at; they are the caller's, as they are.
  if ((waits_not & ~request.flags) != 0 && ::fcntl(found.get(), F_SETFL, request.flags) != 0) return Straight::look_closer;
  call.decided = call.worker.audit.usage().count(verdict);
  opened = std::move(found);
  return Straight::opened;
}

}  // namespace warder::supervisor::files
