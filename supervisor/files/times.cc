// Times of files: utime, utimes, futimesat, utimensat. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <utime.h>

#include <array>
#include <optional>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using Times = std::array<timespec, 2>;

template <class T>
Outcome<T> copy(Call& call, std::uint64_t address) {
  T value;
  call.caller.look_only();  // the file is still to be found
  WARDER_GET(call.caller.copy_in(address, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

/// Sets the times of what the arguments name, or to now where there are none. A null path is the descriptor itself.
Outcome<void> set_times(Call& call, const PathArgument& argument, const std::optional<Times>& times) {
  const timespec* const values = times ? times->data() : nullptr;
  Object object;
  if (argument.address == 0 && argument.directory != AT_FDCWD && !argument.empty_path) {
    WARDER_GET(find_open_file(call, argument.directory, object));
    WARDER_GET(ask(call, object, policy::Right::utime));
    if (::futimens(object.fd.get(), values) != 0) return Errno::last();
    return {};
  }
  WARDER_GET(find(call, argument, object));
  WARDER_GET(ask(call, object, policy::Right::utime));
  WARDER_GET(call.caller.prove());
  if (::utimensat(object.fd.get(), "", values, AT_EMPTY_PATH) != 0) return Errno::last();
  return {};
}

Outcome<void> utime_of(Call& call) {
  const Notification& asked = call.notification;
  std::optional<Times> times;
  if (asked.argument(1) != 0) {
    const utimbuf given = WARDER_GET(copy<utimbuf>(call, asked.argument(1)));
    times = Times{timespec{given.actime, 0}, timespec{given.modtime, 0}};
  }
  // A null path is no descriptor here: utime(2) has none.
  return set_times(call, {AT_FDCWD, asked.argument(0)}, times);
}

Outcome<void> utimes_of(Call& call, int directory, std::uint64_t path, std::uint64_t address) {
  constexpr suseconds_t second = 1000000;
  std::optional<Times> times;
  if (address != 0) {
    const auto given = WARDER_GET((copy<std::array<timeval, 2>>(call, address)));
    times.emplace();
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (given[i].tv_usec < 0 || given[i].tv_usec >= second) return Errno{EINVAL};
      (*times)[i] = {given[i].tv_sec, given[i].tv_usec * 1000};
    }
  }
  return set_times(call, {directory, path}, times);
}

Outcome<void> utimensat_of(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(3);
  std::optional<Times> times;
  if (asked.argument(2) != 0) {
    times = WARDER_GET(copy<Times>(call, asked.argument(2)));
    if ((*times)[0].tv_nsec == UTIME_OMIT && (*times)[1].tv_nsec == UTIME_OMIT) return {};
  }
  PathArgument argument{asked.int_argument(0), asked.argument(1)};
  const bool descriptor = argument.address == 0 && argument.directory != AT_FDCWD;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0 || (descriptor && flags != 0)) return Errno{EINVAL};
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) argument.last = LastLink::keep;
  argument.empty_path = (flags & AT_EMPTY_PATH) != 0;
  return set_times(call, argument, times);
}

}  // namespace

void utime(Call& call) { answer(call, utime_of(call)); }
void utimes(Call& call) { answer(call, utimes_of(call, AT_FDCWD, call.notification.argument(0), call.notification.argument(1))); }
void futimesat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, utimes_of(call, asked.int_argument(0), asked.argument(1), asked.argument(2)));
}
void utimensat(Call& call) { answer(call, utimensat_of(call)); }

}  // namespace warder::supervisor::files
