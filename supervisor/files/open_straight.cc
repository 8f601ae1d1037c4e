#include "supervisor/files/open_straight.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/newer.h"
#include "supervisor/files/handlers.h"
#include "supervisor/naming.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

/// Allowed as a file and as a directory (which of them is open is not known for sure until the end), and nothing to be logged.
bool is_uneventful(Call& call, std::string_view path, policy::Rights wanted, policy::Verdict& verdict) {
  verdict = call.worker.policy.path(path, Right::read | policy::Rights(Right::list));
  AuditEvent event;
  event.wanted = wanted;
  event.path = path;
  return verdict.allowed && !verdict.would_refuse && !call.worker.audit.wants(event, verdict);
}

int open_no_links(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

/// No link can have led through a procfs, where other names exist for the caller than for the worker.
bool is_absent(const PathText& path) {
  const Fd object(open_no_links(AT_FDCWD, path.c_str(), O_PATH));
  return !object.valid() && errno == ENOENT;
}

/// One look without opening. False where it is no file or directory that may be opened on trial.
bool look(Call& call, BorrowedFd start, const PathText& path, struct statx& facts) {
  const int directory = start.valid() ? start.get() : AT_FDCWD;
  constexpr unsigned wanted = STATX_TYPE | kernel::statx_mount_id_unique;
  if (::statx(directory, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, wanted, &facts) != 0) return false;
  errno = 0;
  if (!S_ISDIR(facts.stx_mode) && !S_ISREG(facts.stx_mode)) return false;
  const CallerCache& cache = call.caller.cache();
  if (!is_ordinary_mount(cache, facts)) return false;
  // A directory of elsewhere that somebody passed in is no way to what lies below it.
  return !start.valid() || call.worker.policy.mode() != policy::Mode::enforce || is_own_mount(cache, unique_mount(facts));
}

}  // namespace

bool only_reads(const OpenRequest& request) {
  return request.resolve == 0 && (request.flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH)) == O_RDONLY && !request.temporary();
}

Outcome<Straight> open_straight(Call& call, int directory, const PathText& path, const OpenRequest& request, Fd& opened) {
  if (!only_reads(request)) return Straight::look_closer;
  const bool absolute = path.view().starts_with('/');
  if (call.caller.status().own_root || !(absolute ? is_spelled_canonically(path.view()) : goes_down_only(path.view()))) {
    return Straight::look_closer;
  }
  CallerCache& cache = call.caller.cache();
  Fd start;
  if (!absolute) {
    // Judged after it was opened: nobody may be told of an open that is refused.
    if (anything_is_watched()) return Straight::look_closer;
    Outcome<Fd> taken = call.caller.take_path(directory);
    if (!taken.ok()) return Straight::look_closer;
    start = *std::move(taken);
  }
  WARDER_GET(call.caller.act_on_files());
  policy::Verdict verdict;
  struct statx facts {};
  if (!look(call, start, path, facts)) {
    const bool quiet = errno == ENOENT && absolute && is_uneventful(call, path.view(), Right::read, verdict);
    if (!quiet || !is_absent(path)) return Straight::look_closer;
    call.decided = call.worker.audit.usage().count(verdict);
    return Straight::absent;
  }
  const bool is_directory = S_ISDIR(facts.stx_mode);
  const Right wanted = is_directory ? Right::list : Right::read;
  if (absolute && !is_uneventful(call, path.view(), wanted, verdict)) return Straight::look_closer;

  // A lease may keep the opener of a file waiting: such files are left to the full way, which can wait.
  const int waits_not = is_directory ? 0 : O_NONBLOCK;
  Fd found(open_no_links(absolute ? AT_FDCWD : start.get(), path.c_str(), request.flags | O_NOCTTY | waits_not));
  PathText name;
  if (!found.valid() || !read_name(cache, found, name).ok()) return Straight::look_closer;
  const bool judged = absolute ? name.view() == path.view()
                               : is_spelled_canonically(name.view()) && is_uneventful(call, name.view(), wanted, verdict);
  if (!judged) return Straight::look_closer;
  // Only the flags that F_SETFL can set are looked at; they are the caller's, as they are.
  if ((waits_not & ~request.flags) != 0 && ::fcntl(found.get(), F_SETFL, request.flags) != 0) return Straight::look_closer;
  call.decided = call.worker.audit.usage().count(verdict);
  opened = std::move(found);
  return Straight::opened;
}

}  // namespace warder::supervisor::files
