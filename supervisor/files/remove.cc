// Names that go: unlink, unlinkat, rmdir. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

/// A process may write its own directory of descriptors on a procfs, others may not; but nobody can remove anything there.
Outcome<void> check_procfs(Call& call, const Place& place) {
  if (!place.directory.of_caller || !place.directory.name.view().ends_with("/fd")) return {};
  WARDER_GET(call.caller.act_on_itself());
  if (!is_there(place) && errno == ENOENT) return Errno{ENOENT};
  return Errno{EPERM};
}

Outcome<void> unlink_at(Call& call, int directory, std::uint64_t path) {
  Place place;
  WARDER_GET(find(call, {directory, path}, place));
  if (place.kind != Place::Kind::name) return Errno{EISDIR};
  WARDER_GET(ask_to_remove(call, place, Right::remove));
  WARDER_GET(check_procfs(call, place));
  if (::unlinkat(place.directory.fd.get(), place.last.c_str(), 0) != 0) return Errno::last();
  return {};
}

Outcome<void> rmdir_at(Call& call, int directory, std::uint64_t path) {
  Place place;
  WARDER_GET(find(call, {directory, path}, place));
  switch (place.kind) {
    case Place::Kind::dot:
      return Errno{EINVAL};
    case Place::Kind::dot_dot:
      return Errno{ENOTEMPTY};
    case Place::Kind::root:
      return Errno{EBUSY};
    case Place::Kind::name:
      break;
  }
  WARDER_GET(ask_to_remove(call, place, Right::rmdir));
  if (::unlinkat(place.directory.fd.get(), place.last.c_str(), AT_REMOVEDIR) != 0) return Errno::last();
  return {};
}

}  // namespace

void unlink(Call& call) { answer(call, unlink_at(call, AT_FDCWD, call.notification.argument(0))); }

void unlinkat(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(2);
  if ((flags & ~AT_REMOVEDIR) != 0) return answer(call, Answer(Errno{EINVAL}));
  const bool directory = flags != 0;
  answer(call, directory ? rmdir_at(call, asked.int_argument(0), asked.argument(1))
                         : unlink_at(call, asked.int_argument(0), asked.argument(1)));
}

void rmdir(Call& call) { answer(call, rmdir_at(call, AT_FDCWD, call.notification.argument(0))); }

}  // namespace warder::supervisor::files
