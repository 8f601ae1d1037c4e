// Names that change: rename, renameat, renameat2. Workers of PID 1, as the caller.
//
// A directory may move only where nothing below gains rights by it, and whether the source is a directory must still be true when
// the kernel moves it: see move_lock.h.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/files/handlers.h"
#include "supervisor/files/move_lock.h"
#include "supervisor/files/steps.h"
#include "supervisor/naming.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

bool is_directory(const Place& place) {
  struct stat facts {};
  return ::fstatat(place.directory.fd.get(), place.last.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(facts.st_mode);
}

bool on_one_mount(const Place& a, const Place& b) {
  struct statx one {
  }, two{};
  return ::statx(a.directory.fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &one) == 0 &&
         ::statx(b.directory.fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &two) == 0 && one.stx_mnt_id == two.stx_mnt_id;
}

/// The names of both ends as they are now that nobody else renames.
Outcome<void> name_again(Call& call, Place& place) {
  PathText above;
  WARDER_GET(read_whole_name(call.caller, place.directory.fd, above));
  std::string_view last = place.last.view();
  if (place.trailing_slash) last.remove_suffix(1);
  if (above.view() == "/") above.truncate(0);
  if (!place.name.assign(above.view()) || !place.name.append("/") || !place.name.append(last)) return Errno{ENAMETOOLONG};
  return {};
}

Outcome<void> ask_to_move(Call& call, const Place& from, const Place& to) {
  if (!is_directory(from)) return ask_to_gain_nothing(call, from.name.view(), to.name.view());
  const policy::Verdict verdict = call.worker.policy.move_directory(from.name.view(), to.name.view());
  AuditEvent event;
  event.wanted = Right::rename;
  event.path = from.name.view();
  if (!permit(call, verdict, event)) return Errno{verdict.error};
  return {};
}

Outcome<void> rename_at(Call& call, const PathArgument& from, const PathArgument& to, unsigned flags) {
  constexpr unsigned known = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if ((flags & ~known) != 0 || (exchange && flags != RENAME_EXCHANGE)) return Errno{EINVAL};
  Place source, target;
  WARDER_GET(find(call, from, source));
  WARDER_GET(find(call, to, target));
  const bool named = source.kind == Place::Kind::name && target.kind == Place::Kind::name;
  if (!named && !on_one_mount(source, target)) return Errno{EXDEV};
  if (source.kind != Place::Kind::name) return Errno{EBUSY};
  if (target.kind != Place::Kind::name) return Errno{(flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY};

  const MoveLock lock(source.directory.fd);
  WARDER_GET(name_again(call, source));
  WARDER_GET(name_again(call, target));
  WARDER_GET(ask_to_remove(call, source, Right::rename));
  WARDER_GET(ask_for_new_name(call, target, Right::rename));
  WARDER_GET(ask_to_move(call, source, target));
  if (exchange) WARDER_GET(ask_to_move(call, target, source));
  if ((flags & RENAME_WHITEOUT) != 0) WARDER_GET(ask(call, source.name.view(), Right::mkdev));
  if (::syscall(SYS_renameat2, source.directory.fd.get(), source.last.c_str(), target.directory.fd.get(), target.last.c_str(),
                flags) != 0) {
    return Errno::last();
  }
  return {};
}

}  // namespace

void rename(Call& call) {
  answer(call, rename_at(call, {AT_FDCWD, call.notification.argument(0)}, {AT_FDCWD, call.notification.argument(1)}, 0));
}

void renameat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, rename_at(call, {asked.int_argument(0), asked.argument(1)}, {asked.int_argument(2), asked.argument(3)}, 0));
}

void renameat2(Call& call) {
  const Notification& asked = call.notification;
  answer(call, rename_at(call, {asked.int_argument(0), asked.argument(1)}, {asked.int_argument(2), asked.argument(3)},
                         static_cast<unsigned>(asked.argument(4))));
}

}  // namespace warder::supervisor::files
