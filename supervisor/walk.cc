#include "supervisor/walk.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <charconv>

#include "linux/newer.h"
#include "supervisor/hand_walk.h"
#include "supervisor/naming.h"

namespace warder::supervisor {
namespace {

int open_path(int directory, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_PATH | O_CLOEXEC);
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

/// The kernel's word on a path whose walk failed, where a procfs may have had a part in it.
enum class Doubt : std::uint8_t { none, procfs };

/// A failure is the caller's own, too, if the walk met no other file system: a procfs is always another one.
Doubt doubt_about(int directory, const PathText& path, int flags, std::uint64_t resolve, int error) {
  if (directory >= 0 && on_procfs(BorrowedFd(directory))) return Doubt::procfs;
  const Fd same_mount(open_path(directory, path.c_str(), flags, resolve | RESOLVE_NO_XDEV));
  if (same_mount.valid()) return Doubt::procfs;  // changed in between: look again, by hand
  if (errno == error) return Doubt::none;
  if (error != ENOENT) return Doubt::procfs;
  // Misses on volumes are common (searching for a module): if the directory is there and is no procfs, the name in it decides.
  const std::size_t slash = path.view().rfind('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) return Doubt::procfs;
  PathText parent;
  parent.assign(path.view().substr(0, slash + 1));
  const Fd in(open_path(directory, parent.c_str(), O_DIRECTORY, resolve));
  if (!in.valid() || on_procfs(in)) return Doubt::procfs;
  const Fd name(open_path(in.get(), path.c_str() + slash + 1, O_NOFOLLOW, resolve));
  return !name.valid() && errno == ENOENT ? Doubt::none : Doubt::procfs;
}

/// Whether `name` is `base` and then exactly the components of `path`: no link was followed, nothing was left by "..".
bool spelled_out(std::string_view base, std::string_view path, std::string_view name) {
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t start = path.find_first_not_of('/', at);
    if (start == std::string_view::npos) break;
    at = std::min(path.find('/', start), path.size());
    const std::string_view component = path.substr(start, at - start);
    if (component == ".") continue;
    if (component == ".." || !name.starts_with('/') || !name.substr(1).starts_with(component)) return false;
    name.remove_prefix(1 + component.size());
  }
  return name.empty() || name == "/";
}

/// After a walk by the kernel in a profile that hides: did it go straight down? Only a link or ".." can lead through something
/// hidden to something that is not.
Outcome<bool> went_straight(Caller& caller, BorrowedFd start, std::string_view path, const Object& object) {
  PathText base;
  if (start.valid()) WARDER_GET(read_whole_name(caller, start, base));
  return spelled_out(base.view() == "/" ? "" : base.view(), path, object.name.view());
}

/// Where a relative path begins.
Outcome<Fd> begin(Caller& caller, const WalkRequest& request) {
  if (!request.start.valid()) return caller.take_path(request.directory);
  Fd start(::fcntl(request.start.get(), F_DUPFD_CLOEXEC, 0));
  if (!start.valid()) return Errno::last();
  return start;
}

struct stat as_stat(const struct statx& from) {
  struct stat to {};
  to.st_dev = makedev(from.stx_dev_major, from.stx_dev_minor);
  to.st_ino = from.stx_ino;
  to.st_mode = from.stx_mode;
  to.st_nlink = from.stx_nlink;
  to.st_uid = from.stx_uid;
  to.st_gid = from.stx_gid;
  to.st_rdev = makedev(from.stx_rdev_major, from.stx_rdev_minor);
  to.st_size = static_cast<off_t>(from.stx_size);
  to.st_blksize = static_cast<blksize_t>(from.stx_blksize);
  to.st_blocks = static_cast<blkcnt_t>(from.stx_blocks);
  to.st_atim = {from.stx_atime.tv_sec, from.stx_atime.tv_nsec};
  to.st_mtim = {from.stx_mtime.tv_sec, from.stx_mtime.tv_nsec};
  to.st_ctim = {from.stx_ctime.tv_sec, from.stx_ctime.tv_nsec};
  return to;
}

/// Looks at an object once, for its facts and for whether it is on a procfs.
Outcome<bool> look_at(CallerCache& cache, Object& object) {
  struct statx found {};
  if (::statx(object.fd.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS | kernel::statx_mount_id_unique, &found) != 0) {
    return Errno::last();
  }
  object.facts = as_stat(found);
  object.mount = unique_mount(found);
  if (is_ordinary_mount(cache, found)) return false;
  if (on_procfs(object.fd)) return true;
  remember_ordinary_mount(cache, found);
  return false;
}

/// A directory of elsewhere that somebody passed in is no way to what lies below it: the names there only look like ours, and
/// whoever had the directory may have had no right to any of it.
Outcome<void> stay_inside(Caller& caller, const policy::Compiled& policy, BorrowedFd start, const Object& object) {
  if (!start.valid() || policy.mode() != policy::Mode::enforce || !policy.decides_paths()) return {};
  const bool named = object.name.view().starts_with('/');
  if (named && is_own_mount(caller.cache(), object.mount)) return {};
  if (belonging_of(caller.cache(), caller.tid(), object.fd, object.name.view(), object.mount) == Belonging::outside) {
    return Errno{EACCES};
  }
  return {};
}

/// Resolves a path that is not empty. `flags`: O_NOFOLLOW, O_DIRECTORY.
Outcome<void> resolve(Caller& caller, const policy::Compiled& policy, const WalkRequest& request, int flags, Object& object) {
  const bool absolute = request.path.starts_with('/') && (request.resolve & RESOLVE_IN_ROOT) == 0;
  if (absolute && (request.resolve & RESOLVE_BENEATH) != 0) return Errno{EXDEV};
  Fd start;
  if (!absolute || (request.resolve & RESOLVE_BENEATH) != 0) start = WARDER_GET(begin(caller, request));
  if (!caller.status().own_root) {
    WARDER_GET(caller.act_on_files());
    PathText path;
    path.assign(request.path);
    const int directory = start.valid() ? start.get() : AT_FDCWD;
    // Where something is hidden, most walks need no second look when they follow no link.
    bool straight = policy.hides() && goes_down_only(request.path);
    object.fd = Fd(open_path(directory, path.c_str(), flags, request.resolve | (straight ? RESOLVE_NO_SYMLINKS : 0)));
    if (straight && !object.fd.valid() && errno == ELOOP) {
      straight = false;
      object.fd = Fd(open_path(directory, path.c_str(), flags, request.resolve));
    }
    const int error = object.fd.valid() ? 0 : errno;
    if (error == 0 && !WARDER_GET(look_at(caller.cache(), object))) {
      WARDER_GET(name_object(caller, object, start));
      WARDER_GET(stay_inside(caller, policy, start, object));
      if (!policy.hides() || straight || WARDER_GET(went_straight(caller, start, request.path, object))) return {};
    } else if (error == ENOENT || error == EACCES || error == ENOTDIR) {
      const bool certain = error == ENOENT && straight && is_spelled_canonically(request.path);
      const bool conclusive = !policy.hides() || error == ENOENT;
      if (certain) return Errno{error};
      if (conclusive && doubt_about(directory, path, flags, request.resolve, error) == Doubt::none) return Errno{error};
    } else if (error != 0 && error != ELOOP) {
      return Errno{error};
    }
  }
  object = Object{};
  Fd from;
  if (start.valid()) from = Fd(::fcntl(start.get(), F_DUPFD_CLOEXEC, 0));
  WARDER_GET(HandWalk(caller, policy, request).run(std::move(start), object));
  if (object.descriptor < 0) WARDER_GET(stay_inside(caller, policy, from, object));
  if ((flags & O_DIRECTORY) == 0) return {};
  const struct stat facts = WARDER_GET(facts_of(object));
  if (!S_ISDIR(facts.st_mode)) return Errno{ENOTDIR};
  return {};
}

}  // namespace

Outcome<void> find_object(Caller& caller, const policy::Compiled& policy, const WalkRequest& request, Object& object) {
  if (!request.path.empty()) {
    return resolve(caller, policy, request, request.last == LastLink::keep ? O_NOFOLLOW : 0, object);
  }
  if (!request.empty_path) return Errno{ENOENT};
  object.fd = WARDER_GET(caller.take_path(request.directory));
  WARDER_GET(caller.act());
  object.by_descriptor = true;
  return name_descriptor(caller, object);
}

Outcome<void> find_place(Caller& caller, const policy::Compiled& policy, const WalkRequest& request, Place& place) {
  std::string_view path = request.path;
  if (path.empty()) return Errno{ENOENT};
  const std::size_t end = path.find_last_not_of('/');
  place.trailing_slash = end + 1 != path.size();
  path = path.substr(0, end + 1);
  const std::size_t slash = path.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? path : path.substr(slash + 1);

  WalkRequest parent = request;
  parent.last = LastLink::follow;
  parent.path = slash == std::string_view::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (path.empty()) parent.path = "/";
  if (parent.path == "." && (request.resolve == 0)) {
    // The directory itself, which needs no walk and, until something is done in it, no permission.
    Object& directory = place.directory;
    directory.fd = WARDER_GET(begin(caller, request));
    WARDER_GET(caller.act_on_files());
    struct stat facts {};
    if (::fstat(directory.fd.get(), &facts) != 0) return Errno::last();
    if (!S_ISDIR(facts.st_mode)) return Errno{ENOTDIR};
    WARDER_GET(name_object(caller, directory));
    WARDER_GET(stay_inside(caller, policy, directory.fd, directory));
  } else {
    WARDER_GET(resolve(caller, policy, parent, O_DIRECTORY, place.directory));
  }
  place.kind = path.empty()   ? Place::Kind::root
               : last == "."  ? Place::Kind::dot
               : last == ".." ? Place::Kind::dot_dot
                              : Place::Kind::name;
  if (place.kind != Place::Kind::name) return {};
  const std::string_view above = place.directory.name.view();
  if (!place.last.assign(last) || !place.name.assign(above == "/" ? "" : above) || !place.name.append("/") ||
      !place.name.append(last) || (place.trailing_slash && !place.last.append("/"))) {
    return Errno{ENAMETOOLONG};
  }
  return {};
}

Outcome<struct stat> facts_of(const Object& object) {
  if (object.facts) return *object.facts;
  struct stat facts {};
  if (::fstat(object.fd.get(), &facts) != 0) return Errno::last();
  return facts;
}

Outcome<void> name_object(Caller& caller, Object& object, BorrowedFd start) {
  WARDER_GET(read_whole_name(caller, object.fd, object.name, start));
  object.named = object.name.view().starts_with('/');
  if (object.named) object.maybe_deleted = strip_deleted(object.fd, object.name);
  return {};
}

Outcome<void> name_descriptor(Caller& caller, Object& object) {
  WARDER_GET(read_whole_name(caller, object.fd, object.name));
  const Belonging belonging = belonging_of(caller.cache(), caller.tid(), object.fd, object.name.view());
  object.named = belonging != Belonging::nameless;
  object.outside = belonging == Belonging::outside;
  if (object.named) object.maybe_deleted = strip_deleted(object.fd, object.name);
  return {};
}

Outcome<Fd> reopen(CallerCache& cache, BorrowedFd object, int flags, mode_t mode) {
  std::array<char, 12> number;
  *std::to_chars(number.data(), number.data() + number.size() - 1, object.get()).ptr = '\0';
  Fd fd(::openat(cache.own_descriptors().get(), number.data(), (flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY, mode));
  if (!fd.valid()) return Errno::last();
  return fd;
}

}  // namespace warder::supervisor
