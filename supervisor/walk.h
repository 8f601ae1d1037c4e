// From the name that a caller wrote to the object and its canonical name, resolved once (law 2). Workers of PID 1, as the caller.
//
// The object is opened O_PATH with the caller's root, cwd or dirfd and credentials; its name is what the kernel says about that
// descriptor; the verdict is about that name and the operation goes through that descriptor. The kernel walks nearly every path
// in one openat2(2). What ends on a procfs, or may have passed through one, is walked again by hand (hand_walk.h), because there
// the kernel would take the worker for "self".
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
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
  Fd fd;                             ///< O_PATH; for descriptor arguments the caller's own file
  PathText name;                     ///< canonical in the container: what policy::Compiled::path() is asked about
  bool named = false;                ///< false for pipes, sockets, memfds: nothing decides about them
  bool outside = false;              ///< a file of elsewhere that the engine passed in; usable as far as its descriptor goes
  bool maybe_deleted = false;        ///< " (deleted)" at the end of the name may be the kernel's word: both names must be allowed
  bool of_caller = false;            ///< in the caller's own directory of a procfs, where it may look without being a tracer
  bool by_descriptor = false;        ///< named by an empty path
  std::uint64_t mount = 0;           ///< unique id of the mount that it is on, where the walk looked (Linux 6.8); else 0
  int descriptor = -1;               ///< the caller's descriptor that the walk ended on (/proc/self/fd/N), else -1
  std::optional<struct stat> facts;  ///< as the walk saw them, where it looked; else ask facts_of()
};

/// What the caller named by (directory, path), where `path` was copied already.
struct WalkRequest {
  int directory = AT_FDCWD;
  std::string_view path;
  LastLink last = LastLink::follow;
  bool empty_path = false;    ///< AT_EMPTY_PATH: an empty path is the directory descriptor itself, whatever it is; else ENOENT
  std::uint64_t resolve = 0;  ///< RESOLVE_* of openat2(2), without RESOLVE_CACHED
  BorrowedFd start{-1};       ///< where valid, stands in for `directory`: a walk that goes on where another one ended
};

/// Errors as the kernel would give them to the caller, and ENOENT for what lies behind something hidden. That the object itself
/// is hidden is for its verdict to say. Leaves the worker being the caller.
Outcome<void> find_object(Caller& caller, const policy::Compiled& policy, const WalkRequest& request, Object& object);

/// Where something is made, removed or renamed: a directory that was opened, and one name in it.
struct Place {
  Object directory;
  PathText
      last;  ///< one component, never "." or "..", with a "/" after it where the caller wrote one; empty unless kind is `name`
  PathText name;  ///< canonical name of the directory + "/" + last
  enum class Kind : std::uint8_t { name, dot, dot_dot, root } kind = Kind::name;
  bool trailing_slash = false;
};

/// The place that a creating, removing or renaming call means: everything but the last component resolved. `request.last` is not
/// used.
Outcome<void> find_place(Caller& caller, const policy::Compiled& policy, const WalkRequest& request, Place& place);

/// What stat(2) says about the object.
Outcome<struct stat> facts_of(const Object& object);

/// Names an object that was reached by walking the container's tree, from `start` perhaps.
Outcome<void> name_object(Caller& caller, Object& object, BorrowedFd start = BorrowedFd(-1));
/// Names an object that the caller has a descriptor of, which may come from anywhere.
Outcome<void> name_descriptor(Caller& caller, Object& object);

/// Opens an object again with real flags, through its descriptor and never by its name, as whom the worker is. May block where
/// `flags` lack O_NONBLOCK. No controlling terminal is ever acquired.
Outcome<Fd> reopen(CallerCache& cache, BorrowedFd object, int flags, mode_t mode = 0);

}  // namespace warder::supervisor
