// From the name that a caller wrote to the object and its canonical name, resolved once (law 2). Workers of PID 1, as the caller.
//
// The object is opened O_PATH with the caller's root, cwd or dirfd and credentials; its name is what the kernel says about that
// descriptor; the verdict is about that name and the operation goes through that descriptor. /proc/self, /proc/thread-self and
// the magic links are walked by hand, because the kernel would take the worker for "self".
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string_view>

#include "linux/fd.h"
#include "policy/core/compiled.h"
#include "supervisor/caller.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {

enum class LastLink : std::uint8_t {
  follow,  ///< a symbolic link at the end is followed, as open does
  keep,    ///< it is the object itself, as with O_NOFOLLOW and lstat
};

/// Something that exists.
struct Object {
  Fd fd;          ///< O_PATH; for FileDescriptor arguments the caller's own file
  PathText name;  ///< canonical in the container; what policy::Compiled::path() is asked about
  /// False for pipes, sockets, memfds and files opened outside the container: nothing decides about them.
  bool named = false;
  /// The name of an unlinked file that cannot be told from a live one ending in " (deleted)": both must be allowed.
  bool maybe_deleted = false;
  bool on_procfs = false;
};

/// Where something is made, removed or renamed: a directory that was opened, and one name in it.
struct Place {
  Fd directory;   ///< O_PATH
  PathText last;  ///< one component, never "." or ".."; empty where kind is not `name`
  PathText name;  ///< canonical name of the directory + "/" + last
  enum class Kind : std::uint8_t { name, dot, dot_dot, root } kind = Kind::name;
  bool trailing_slash = false;
};

/// What the caller named by (dirfd, path), where `path` was copied already. An empty path is the dirfd itself only with
/// `empty_path` (AT_EMPTY_PATH), else ENOENT. Errors as the kernel gives them, and ENOENT for what is hidden, or lies below or
/// behind something hidden.
struct WalkRequest {
  int directory = AT_FDCWD;
  std::string_view path;
  LastLink last = LastLink::follow;
  bool empty_path = false;
  std::uint64_t resolve = 0;  ///< RESOLVE_* of openat2
};
Outcome<Object> find_object(Caller& caller, const policy::Compiled& policy, const WalkRequest& request);

/// The place that a creating, removing or renaming call means: everything but the last component resolved.
Outcome<Place> find_place(Caller& caller, const policy::Compiled& policy, int directory, std::string_view path);

/// Gives the name to an object whose descriptor is open already (fchmod and friends, or after creation).
Outcome<void> name_object(Caller& caller, Object& object);

/// Opens the object again with real flags, through its descriptor: never by its name. May block where `flags` lack O_NONBLOCK.
Outcome<Fd> reopen(BorrowedFd object, int flags, mode_t mode = 0);

}  // namespace warder::supervisor
