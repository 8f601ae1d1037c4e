// open, openat, openat2 and creat: the caller gets a descriptor that was opened for it. Workers of PID 1, as the caller.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/procfs.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/open_existing.h"
#include "supervisor/files/open_request.h"
#include "supervisor/files/open_straight.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

constexpr int max_links = 40;  // MAXSYMLINKS

/// A system-wide switch that administrators set at boot: fs.protected_regular, fs.protected_fifos.
int protection(const char* path) {
  const Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  char digit = '1';
  if (file.valid() && ::read(file.get(), &digit, 1) != 1) digit = '1';
  return digit - '0';
}

/// May an existing file be opened with O_CREAT in a sticky directory that others may write? (may_create_in_sticky of the kernel,
/// which only checks it where it looks the name up itself.)
Outcome<void> check_sticky(Call& call, BorrowedFd directory, const struct stat& file) {
  static const int regular = protection("/proc/sys/fs/protected_regular");
  static const int fifos = protection("/proc/sys/fs/protected_fifos");
  const int level = S_ISREG(file.st_mode) ? regular : S_ISFIFO(file.st_mode) ? fifos : 0;
  if (level == 0) return {};
  struct stat parent {};
  if (::fstat(directory.get(), &parent) != 0) return Errno::last();
  if ((parent.st_mode & S_ISVTX) == 0 || file.st_uid == parent.st_uid) return {};
  if (file.st_uid == call.caller.credentials().fs_uid) return {};
  if ((parent.st_mode & S_IWOTH) != 0 || ((parent.st_mode & S_IWGRP) != 0 && level >= 2)) return Errno{EACCES};
  return {};
}

/// Whether every number below the limit is in use. A program that lowered its limit may have others beyond it.
bool is_full(Fd directory, std::uint64_t limit) {
  std::uint64_t below = 0;
  DIR* const entries = ::fdopendir(directory.get());
  if (entries == nullptr) return true;
  (void)directory.release();  // closed with the stream
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] != '.' && kernel::number(entry->d_name) < limit) ++below;
  }
  ::closedir(entries);
  return below >= limit;
}

/// The kernel takes the descriptor's number before it makes or truncates anything; so a full table must leave no trace.
Outcome<void> room_for_descriptor(Call& call) {
  const std::uint64_t limit = WARDER_GET(call.caller.soft_limit(RLIMIT_NOFILE));
  if (call.caller.status().fd_table_size < limit) return {};
  constexpr int listing = O_RDONLY | O_DIRECTORY;
  Fd directory = kernel::open_process_file(call.worker.procfs, call.caller.tid(), "fd", listing);
  if (!directory.valid()) {
    call.caller.identity().own();
    directory = kernel::open_process_file(call.worker.procfs, call.caller.tid(), "fd", listing);
  }
  struct stat facts {};
  if (directory.valid() && ::fstat(directory.get(), &facts) != 0) directory.reset();
  // Since Linux 6.2 the size is the number of open descriptors; before, it is 0.
  const bool many = directory.valid() && (facts.st_size == 0 || static_cast<std::uint64_t>(facts.st_size) >= limit);
  const bool full = many && is_full(std::move(directory), limit);
  WARDER_GET(call.caller.act_on_files());
  if (full) return Errno{EMFILE};
  return {};
}

/// An unnamed file in a directory. It goes by the name that the kernel will give it, which is "#" and a number.
Outcome<Fd> open_temporary(Call& call, const WalkRequest& where, const OpenRequest& request) {
  Object directory;
  WARDER_GET(find_object(call.caller, call.worker.policy, where, directory));
  struct stat facts {};
  if (::fstat(directory.fd.get(), &facts) != 0) return Errno::last();
  if (!S_ISDIR(facts.st_mode)) return Errno{ENOTDIR};
  // The kernel lets a process write its directory of descriptors, which nobody else may; it just holds no files.
  if (directory.of_caller) return Errno{EOPNOTSUPP};
  PathText name = directory.name;
  if (name.view() == "/") name.truncate(0);
  if (!name.append("/#")) return Errno{ENAMETOOLONG};
  WARDER_GET(ask(call, name.view(), request.rights() | Right::create));
  WARDER_GET(call.caller.prove());
  return reopen(call.caller.cache(), directory.fd, request.flags, request.mode);
}

/// Opens the file if it is there already. No Fd and no error: it is not.
Outcome<Fd> open_if_there(Call& call, const WalkRequest& where, const OpenRequest& request, bool& found) {
  Object object;
  const Outcome<void> walked = find_object(call.caller, call.worker.policy, where, object);
  found = walked.code() != ENOENT;
  if (!found) return Fd();
  if (!walked.ok()) return Errno{walked.code()};
  if (object.named && call.worker.policy.hides() && call.worker.policy.path(object.name.view(), {}).hidden) {
    found = false;  // and making it will be refused
    return Fd();
  }
  const struct stat facts = WARDER_GET(facts_of(object));
  if (S_ISDIR(facts.st_mode)) return Errno{EISDIR};
  Place place;
  if (S_ISREG(facts.st_mode) || S_ISFIFO(facts.st_mode)) {
    // Only the parent's mode and owner are looked at: nothing is decided or done by this name.
    if (find_place(call.caller, call.worker.policy, where, place).ok() && place.kind == Place::Kind::name) {
      WARDER_GET(check_sticky(call, place.directory.fd, facts));
    }
  }
  OpenRequest existing = request;
  existing.flags &= ~O_CREAT;
  return open_existing(call, object, existing);
}

Outcome<Fd> make(Call& call, const Place& place, const OpenRequest& request) {
  const policy::Rights wanted = request.rights().without(Right::truncate) | Right::create;
  WARDER_GET(ask_to_make(call, place, wanted));
  WARDER_GET(call.caller.prove());
  const int flags = (request.flags & ~O_TRUNC) | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  Fd made(::openat(place.directory.fd.get(), place.last.c_str(), flags, request.mode));
  if (!made.valid()) return Errno::last();
  return made;
}

/// O_CREAT: what is there is opened, what is not is made under a name that nobody else has taken.
Outcome<Fd> open_or_make(Call& call, WalkRequest where, const OpenRequest& request) {
  const bool exclusive = (request.flags & O_EXCL) != 0;
  if (exclusive || (request.flags & O_NOFOLLOW) != 0) where.last = LastLink::keep;
  PathText target;
  Place place;
  if (where.path.ends_with('/')) {
    Place directory;
    WARDER_GET(find_place(call.caller, call.worker.policy, where, directory));
    if (directory.kind == Place::Kind::name) return Errno{EISDIR};
  }
  for (int attempt = 0; attempt < max_links; ++attempt) {
    if (!exclusive) {
      bool found = false;
      Outcome<Fd> opened = open_if_there(call, where, request, found);
      if (found) return opened;
    }
    Place here;
    WARDER_GET(find_place(call.caller, call.worker.policy, where, here));
    if (here.kind != Place::Kind::name) {
      Object directory;  // ".." may lead out of where the caller wants to stay
      if (where.resolve != 0) WARDER_GET(find_object(call.caller, call.worker.policy, where, directory));
      return Errno{exclusive ? EEXIST : EISDIR};
    }
    Outcome<Fd> made = make(call, here, request);
    if (made.code() != EEXIST || exclusive) return made;
    // Somebody was faster, or a link stands there whose target is missing: that is what O_CREAT makes then.
    const ssize_t size = ::readlinkat(here.directory.fd.get(), here.last.c_str(), target.data(), PathText::capacity());
    if (size < 0) continue;
    if (where.resolve != 0 || where.last == LastLink::keep) return Errno{ELOOP};
    target.set_size(static_cast<std::size_t>(size));
    place.directory.fd = std::move(here.directory.fd);
    where.path = target.view();
    where.start = place.directory.fd;
  }
  return Errno{ELOOP};
}

Outcome<Fd> find_and_open(Call& call, int directory, std::string_view path, const OpenRequest& request) {
  WalkRequest where;
  where.directory = directory;
  where.path = path;
  where.resolve = request.resolve;
  if ((request.flags & O_NOFOLLOW) != 0) where.last = LastLink::keep;
  if (request.temporary()) return open_temporary(call, where, request);
  if ((request.flags & O_CREAT) != 0) return open_or_make(call, where, request);
  Object object;
  WARDER_GET(find_object(call.caller, call.worker.policy, where, object));
  return open_existing(call, object, request);
}

/// `quiet`: the file is one whose last close means nothing.
Outcome<Fd> open_as_caller(Call& call, int directory, std::uint64_t address, const OpenRequest& request, bool& quiet) {
  PathText path;
  call.caller.look_only();
  WARDER_GET(call.caller.copy_path(address, path));
  if (path.empty()) return Errno{ENOENT};
  const bool leaves_traces = (request.flags & (O_CREAT | O_TRUNC)) != 0 || request.temporary();
  if (leaves_traces) WARDER_GET(room_for_descriptor(call));
  Fd straight;
  switch (WARDER_GET(open_straight(call, directory, path, request, straight))) {
    case Straight::opened:
      quiet = true;
      return straight;
    case Straight::absent:
      WARDER_GET(room_for_descriptor(call));
      return Errno{ENOENT};
    case Straight::look_closer:
      break;
  }
  Outcome<Fd> opened = find_and_open(call, directory, path.view(), request);
  if (!opened.ok() && !leaves_traces && !call.notification.answered()) WARDER_GET(room_for_descriptor(call));
  return opened;
}

/// Everything but a file or directory that is only read: see Notification::hand_over().
bool last_close_matters(const Fd& opened, const OpenRequest& request) {
  if (request.writes()) return true;
  struct stat facts {};
  return ::fstat(opened.get(), &facts) != 0 || !(S_ISREG(facts.st_mode) || S_ISDIR(facts.st_mode));
}

/// An O_PATH descriptor cannot be given: the kernel refuses to (ADDFD, as of 6.18). It also needs no giving. It carries no right;
/// all that is later done through it is decided by the object's name; what hiding takes away is its existence. So the caller
/// opens it itself, once it was seen not to be hidden; by exchanging the path it learns that something hidden exists, and no
/// more. The flags are a register.
void open_path_only(Call& call, int directory, std::uint64_t address, const OpenRequest& request) {
  if (call.worker.policy.hides()) {
    Object object;
    const LastLink last = (request.flags & O_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow;
    const Outcome<void> found = find(call, {directory, address, last}, object);
    if (!found.ok()) return answer(call, found);
    if (!ask(call, object, policy::Rights{}).ok()) return;
  }
  (void)std::move(call.notification).let_kernel_run();
}

void run(Call& call, int directory, std::uint64_t address, const Outcome<OpenRequest>& request) {
  if (!request.ok()) return answer(call, Answer(Errno{request.code()}));
  if (request->path_only()) return open_path_only(call, directory, address, *request);
  bool quiet = false;
  Outcome<Fd> opened = open_as_caller(call, directory, address, *request, quiet);
  if (!opened.ok()) return answer(call, Answer(Errno{opened.code()}));
  const CloseOnExec cloexec = (request->flags & O_CLOEXEC) != 0 ? CloseOnExec::yes : CloseOnExec::no;
  if (anything_is_watched() || (!quiet && last_close_matters(*opened, *request))) {
    (void)std::move(call.notification).hand_over(*std::move(opened), cloexec);
  } else {
    (void)std::move(call.notification).give_fd(*std::move(opened), cloexec);
  }
}

}  // namespace

void open(Call& call) {
  const Notification& asked = call.notification;
  run(call, AT_FDCWD, asked.argument(0), parse_open(asked.argument(1), asked.argument(2)));
}

void creat(Call& call) {
  const Notification& asked = call.notification;
  run(call, AT_FDCWD, asked.argument(0), parse_open(O_CREAT | O_WRONLY | O_TRUNC, asked.argument(1)));
}

void openat(Call& call) {
  const Notification& asked = call.notification;
  run(call, asked.int_argument(0), asked.argument(1), parse_open(asked.argument(2), asked.argument(3)));
}

void openat2(Call& call) {
  const Notification& asked = call.notification;
  const Outcome<OpenRequest> request = copy_open_how(call.caller, asked.argument(2), asked.argument(3));
  // Here the flags lie in memory, so that "O_PATH" may be something else when the kernel looks. Programs fall back to openat.
  if (request.ok() && request->path_only()) return answer(call, Answer(Errno{ENOSYS}));
  run(call, asked.int_argument(0), asked.argument(1), request);
}

}  // namespace warder::supervisor::files
