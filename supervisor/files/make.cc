// New names: mkdir, mknod, symlink, link. Workers of PID 1, as the caller, its umask included.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "linux/procfs.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/move_lock.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

Outcome<void> checked(long result) {
  if (result != 0) return Errno::last();
  return {};
}

/// Finds a place for something new. "/", "." and ".." exist by definition.
Outcome<void> find_new(Call& call, int directory, std::uint64_t path, Place& place) {
  WARDER_GET(find(call, {directory, path}, place));
  if (place.kind != Place::Kind::name) return Errno{EEXIST};
  return {};
}

Outcome<void> mkdir_at(Call& call, int directory, std::uint64_t path, std::uint64_t mode) {
  Place place;
  WARDER_GET(find_new(call, directory, path, place));
  WARDER_GET(ask_to_make(call, place, Right::mkdir));
  const MoveLock lock(place.directory.fd);
  return checked(::mkdirat(place.directory.fd.get(), place.last.c_str(), static_cast<mode_t>(mode)));
}

Outcome<Right> right_to_make(mode_t mode) {
  switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
      return Right::create;
    case S_IFIFO:
      return Right::mkfifo;
    case S_IFSOCK:
      return Right::mksock;
    case S_IFCHR:
    case S_IFBLK:
      return Right::mkdev;
    case S_IFDIR:
      return Errno{EPERM};
    default:
      return Errno{EINVAL};
  }
}

Outcome<void> mknod_at(Call& call, int directory, std::uint64_t path, std::uint64_t mode, std::uint64_t device) {
  const auto wanted_mode = static_cast<mode_t>(mode);
  const Right wanted = WARDER_GET(right_to_make(wanted_mode));
  Place place;
  WARDER_GET(find_new(call, directory, path, place));
  WARDER_GET(ask_to_make(call, place, wanted));
  // The raw call: the device number is the kernel's 32 bits, as the caller gave them.
  return checked(
      ::syscall(SYS_mknodat, place.directory.fd.get(), place.last.c_str(), wanted_mode, static_cast<unsigned>(device)));
}

Outcome<void> symlink_at(Call& call, std::uint64_t target, int directory, std::uint64_t path) {
  PathText text;
  WARDER_GET(call.caller.copy_path(target, text));
  if (text.empty()) return Errno{ENOENT};
  Place place;
  WARDER_GET(find_new(call, directory, path, place));
  WARDER_GET(ask_to_make(call, place, Right::symlink));
  return checked(::symlinkat(text.c_str(), place.directory.fd.get(), place.last.c_str()));
}

/// linkat with AT_EMPTY_PATH needed CAP_DAC_READ_SEARCH until Linux 6.10, which gives it to whoever opened the file; the way by
/// /proc/self/fd is open to everybody anyway.
bool may_link_descriptors(Call& call) {
  static const bool everybody = [&] {
    std::array<char, 64> release;
    const Fd file(::openat(call.worker.procfs.get(), "sys/kernel/osrelease", O_RDONLY | O_CLOEXEC));
    const ssize_t size = file.valid() ? kernel::read_afresh(file, release.data(), release.size()) : 0;
    const std::string_view text(release.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::size_t end = std::min(text.find_first_not_of("0123456789", dot + 1), text.size());
    const std::uint64_t major = kernel::number(text.substr(0, dot));
    return major > 6 || (major == 6 && dot < end && kernel::number(text.substr(dot + 1, end - dot - 1)) >= 10);
  }();
  constexpr std::uint64_t dac_read_search = 1U << CAP_DAC_READ_SEARCH;
  return everybody || (call.caller.credentials().effective & dac_read_search) != 0;
}

/// Another name for a file. A file that never had one (O_TMPFILE) is created by it.
Outcome<void> link_at(Call& call, const PathArgument& from, int directory, std::uint64_t path) {
  Object object;
  WARDER_GET(find(call, from, object));
  if (object.by_descriptor && !may_link_descriptors(call)) return Errno{ENOENT};
  Place place;
  WARDER_GET(find_new(call, directory, path, place));
  struct stat facts {};
  if (::fstat(object.fd.get(), &facts) != 0) return Errno::last();
  const policy::Rights wanted = facts.st_nlink == 0 ? Right::link | Right::create : policy::Rights(Right::link);
  const policy::Compiled& policy = call.worker.policy;
  const bool hidden = policy.hides() && policy.path(place.name.view(), {}).hidden;
  WARDER_GET(hidden ? ask_for_new_name(call, place, wanted) : ask_to_make(call, place, wanted));
  WARDER_GET(ask(call, object, Right::link));
  if (object.named) WARDER_GET(ask_to_gain_nothing(call, object.name.view(), place.name.view()));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return checked(::linkat(AT_FDCWD, number.c_str(), place.directory.fd.get(), place.last.c_str(), AT_SYMLINK_FOLLOW));
}

}  // namespace

void mkdir(Call& call) { answer(call, mkdir_at(call, AT_FDCWD, call.notification.argument(0), call.notification.argument(1))); }

void mkdirat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, mkdir_at(call, asked.int_argument(0), asked.argument(1), asked.argument(2)));
}

void mknod(Call& call) {
  const Notification& asked = call.notification;
  answer(call, mknod_at(call, AT_FDCWD, asked.argument(0), asked.argument(1), asked.argument(2)));
}

void mknodat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, mknod_at(call, asked.int_argument(0), asked.argument(1), asked.argument(2), asked.argument(3)));
}

void symlink(Call& call) {
  const Notification& asked = call.notification;
  answer(call, symlink_at(call, asked.argument(0), AT_FDCWD, asked.argument(1)));
}

void symlinkat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, symlink_at(call, asked.argument(0), asked.int_argument(1), asked.argument(2)));
}

void link(Call& call) {
  const Notification& asked = call.notification;
  answer(call, link_at(call, {AT_FDCWD, asked.argument(0), LastLink::keep}, AT_FDCWD, asked.argument(1)));
}

void linkat(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(4);
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) return answer(call, Answer(Errno{EINVAL}));
  const LastLink last = (flags & AT_SYMLINK_FOLLOW) != 0 ? LastLink::follow : LastLink::keep;
  const PathArgument from{asked.int_argument(0), asked.argument(1), last, (flags & AT_EMPTY_PATH) != 0};
  answer(call, link_at(call, from, asked.int_argument(2), asked.argument(3)));
}

}  // namespace warder::supervisor::files
