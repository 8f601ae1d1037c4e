// Modes, owners and sizes: chmod, chown, truncate and their forms. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/newer.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

constexpr int known_flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;

PathArgument with_flags(int directory, std::uint64_t address, int flags) {
  return {directory, address, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow,
          (flags & AT_EMPTY_PATH) != 0};
}

Outcome<void> checked(long result) {
  if (result != 0) return Errno::last();
  return {};
}

/// fchmodat2(2) came with Linux 6.6; before, an O_PATH descriptor is reached by its number.
Outcome<void> change_mode(Call& call, const Object& object, mode_t mode) {
  const long result = ::syscall(kernel::sys_fchmodat2, object.fd.get(), "", mode, AT_EMPTY_PATH);
  if (result == 0 || errno != ENOSYS) return checked(result);
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return checked(::chmod(number.c_str(), mode));
}

Outcome<void> chmod_at(Call& call, const PathArgument& argument, std::uint64_t mode) {
  Object object;
  WARDER_GET(find(call, argument, object));
  WARDER_GET(ask(call, object, Right::chmod));
  return change_mode(call, object, static_cast<mode_t>(mode));
}

Outcome<void> chmod_open(Call& call, int number, std::uint64_t mode) {
  Object object;
  WARDER_GET(find_open_file(call, number, object));
  WARDER_GET(ask(call, object, Right::chmod));
  return checked(::fchmod(object.fd.get(), static_cast<mode_t>(mode)));
}

Outcome<void> chown_at(Call& call, const PathArgument& argument, std::uint64_t uid, std::uint64_t gid) {
  Object object;
  WARDER_GET(find(call, argument, object));
  WARDER_GET(ask(call, object, Right::chown));
  return checked(::fchownat(object.fd.get(), "", static_cast<uid_t>(uid), static_cast<gid_t>(gid), AT_EMPTY_PATH));
}

Outcome<void> chown_open(Call& call, int number, std::uint64_t uid, std::uint64_t gid) {
  Object object;
  WARDER_GET(find_open_file(call, number, object));
  WARDER_GET(ask(call, object, Right::chown));
  return checked(::fchown(object.fd.get(), static_cast<uid_t>(uid), static_cast<gid_t>(gid)));
}

/// The limit on file sizes is the caller's: the kernel would look at PID 1's.
Outcome<void> check_size(Call& call, const Object& object, off_t length) {
  struct stat facts {};
  if (::fstat(object.fd.get(), &facts) != 0) return Errno::last();
  if (!S_ISREG(facts.st_mode) || length <= facts.st_size) return {};
  const std::uint64_t limit = WARDER_GET(call.caller.soft_limit(RLIMIT_FSIZE));
  if (static_cast<std::uint64_t>(length) <= limit) return {};
  if (::syscall(SYS_faccessat2, object.fd.get(), "", W_OK, AT_EACCESS | AT_EMPTY_PATH) != 0) return Errno::last();
  call.caller.identity().own();
  if (call.notification.still_waiting()) ::syscall(SYS_tgkill, call.caller.status().tgid, call.caller.tid(), SIGXFSZ);
  return Errno{EFBIG};
}

Outcome<void> truncate_to(Call& call, std::uint64_t path, std::int64_t length) {
  if (length < 0) return Errno{EINVAL};
  Object object;
  WARDER_GET(find(call, {AT_FDCWD, path}, object));
  WARDER_GET(ask(call, object, Right::truncate));
  WARDER_GET(check_size(call, object, length));
  WARDER_GET(call.caller.act());
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  // Whoever holds a lease on the file can keep this waiting.
  const Waiting waiting(call.worker, call.notification.call().id, call.notification.tid());
  if (!waiting.granted()) return Errno{EPERM};
  for (;;) {
    if (::truncate(number.c_str(), length) == 0) return {};
    if (errno != EINTR) return Errno::last();
    if (waiting.interrupted()) return Errno{restart_code};
  }
}

}  // namespace

void chmod(Call& call) { answer(call, chmod_at(call, {AT_FDCWD, call.notification.argument(0)}, call.notification.argument(1))); }

void fchmod(Call& call) { answer(call, chmod_open(call, call.notification.int_argument(0), call.notification.argument(1))); }

void fchmodat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, chmod_at(call, {asked.int_argument(0), asked.argument(1)}, asked.argument(2)));
}

void fchmodat2(Call& call) {
  static const bool known = ::syscall(kernel::sys_fchmodat2, -1, "", 0, 0) != 0 && errno != ENOSYS;
  if (!known) return answer(call, Answer(Errno{ENOSYS}));
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(3);
  if ((flags & ~known_flags) != 0) return answer(call, Answer(Errno{EINVAL}));
  answer(call, chmod_at(call, with_flags(asked.int_argument(0), asked.argument(1), flags), asked.argument(2)));
}

void chown(Call& call) {
  const Notification& asked = call.notification;
  answer(call, chown_at(call, {AT_FDCWD, asked.argument(0)}, asked.argument(1), asked.argument(2)));
}

void fchown(Call& call) {
  const Notification& asked = call.notification;
  answer(call, chown_open(call, asked.int_argument(0), asked.argument(1), asked.argument(2)));
}

void lchown(Call& call) {
  const Notification& asked = call.notification;
  answer(call, chown_at(call, {AT_FDCWD, asked.argument(0), LastLink::keep}, asked.argument(1), asked.argument(2)));
}

void fchownat(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(4);
  if ((flags & ~known_flags) != 0) return answer(call, Answer(Errno{EINVAL}));
  const PathArgument argument = with_flags(asked.int_argument(0), asked.argument(1), flags);
  answer(call, chown_at(call, argument, asked.argument(2), asked.argument(3)));
}

void truncate(Call& call) {
  const Notification& asked = call.notification;
  answer(call, truncate_to(call, asked.argument(0), static_cast<std::int64_t>(asked.argument(1))));
}

}  // namespace warder::supervisor::files
