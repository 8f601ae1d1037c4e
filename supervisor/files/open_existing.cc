#include "supervisor/files/open_existing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>

#include "linux/procfs.h"
#include "supervisor/files/open_device.h"
#include "supervisor/files/open_straight.h"

namespace warder::supervisor::files {
namespace {

constexpr unsigned memory_devices = 1;     // null, zero, full, random: never wait
const dev_t own_terminal = makedev(5, 0);  // /dev/tty
const dev_t new_terminal = makedev(5, 2);  // /dev/ptmx

/// The device number of the caller's controlling terminal: field 7 of /proc/TID/stat. 0: none.
dev_t controlling_terminal(Call& call) {
  call.caller.identity().own();
  const Fd file = kernel::open_process_file(call.worker.procfs, call.caller.tid(), "stat", O_RDONLY);
  std::array<char, 1024> text;
  const ssize_t size = file.valid() ? kernel::read_afresh(file, text.data(), text.size()) : -1;
  if (size <= 0 || !call.notification.still_waiting()) return 0;
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  rest.remove_prefix(std::min(rest.rfind(')') + 1, rest.size()));  // the name of a program may hold anything
  for (int field = 3; field < 7; ++field) kernel::next_word(rest);
  const auto number = static_cast<unsigned>(kernel::number(kernel::next_word(rest)));
  return makedev((number >> 8U) & 0xfffU, (number & 0xffU) | ((number >> 12U) & 0xfff00U));
}

/// /dev/tty is whatever terminal the opener has: PID 1 has none, so the caller's is looked for, in the container's devpts and
/// among the caller's first descriptors. The verdict was about /dev/tty.
Outcome<Object> find_own_terminal(Call& call) {
  const dev_t wanted = controlling_terminal(call);
  if (wanted == 0) return Errno{ENXIO};
  const auto is_it = [&](const Object& object) {
    struct stat facts {};
    return ::fstat(object.fd.get(), &facts) == 0 && S_ISCHR(facts.st_mode) && facts.st_rdev == wanted;
  };
  Object terminal;
  for (int number = 0; number <= 2; ++number) {
    Outcome<Fd> held = call.caller.take_path(number);
    if (!held.ok()) continue;
    terminal.fd = *std::move(held);
    if (is_it(terminal)) return terminal;
  }
  WARDER_GET(call.caller.act());
  const std::string path = "/dev/pts/" + std::to_string(minor(wanted));
  WalkRequest request;
  request.path = path;
  if (!find_object(call.caller, call.worker.policy, request, terminal).ok() || !is_it(terminal)) return Errno{ENXIO};
  return terminal;
}

/// Opens what may keep its opener waiting: FIFOs, terminals, devices, files under a lease.
Outcome<Fd> open_waiting(Call& call, BorrowedFd object, int flags) {
  const Waiting waiting(call.worker, call.notification.call().id, call.notification.tid());
  if (!waiting.granted()) return Errno{EPERM};
  for (;;) {
    Outcome<Fd> opened = reopen(call.caller.cache(), object, flags);
    if (opened.code() != EINTR) return opened;
    if (waiting.interrupted()) return Errno{restart_code};
  }
}

/// A regular file opens at once, unless somebody holds a lease on it.
Outcome<Fd> open_regular(Call& call, BorrowedFd object, int flags) {
  Outcome<Fd> opened = reopen(call.caller.cache(), object, flags | O_NONBLOCK);
  if ((flags & O_NONBLOCK) != 0) return opened;
  if (opened.code() == EWOULDBLOCK) return open_waiting(call, object, flags);
  if (!opened.ok()) return opened;
  // Only the flags that F_SETFL can set are looked at; they are the caller's, as they are.
  if (::fcntl(opened->get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return Errno::last();
  return opened;
}

bool may_wait(const struct stat& facts) {
  if (S_ISFIFO(facts.st_mode) || S_ISBLK(facts.st_mode)) return true;
  return S_ISCHR(facts.st_mode) && major(facts.st_rdev) != memory_devices && facts.st_rdev != new_terminal;
}

/// A file of elsewhere, reached through a descriptor that the engine gave: open again for what that descriptor is good for.
bool descriptor_covers(Call& call, const Object& object, const OpenRequest& request) {
  if (!object.outside || object.descriptor < 0) return false;
  const Outcome<Fd> held = call.caller.take_fd(object.descriptor);
  (void)call.caller.act();
  if (!held.ok()) return false;
  const int flags = ::fcntl(held->get(), F_GETFL);
  struct stat one {
  }, two{};
  if (::fstat(held->get(), &one) != 0 || ::fstat(object.fd.get(), &two) != 0) return false;
  if (one.st_dev != two.st_dev || one.st_ino != two.st_ino || flags < 0 || (flags & O_PATH) != 0) return false;
  const bool may_read = (flags & O_ACCMODE) != O_WRONLY;
  const bool may_write = (flags & O_ACCMODE) != O_RDONLY;
  return (may_read || !request.reads()) && (may_write || (!request.writes() && (request.flags & O_TRUNC) == 0));
}

Outcome<Fd> open_special(Call& call, Object& object, const OpenRequest& request, const struct stat& facts) {
  if (S_ISCHR(facts.st_mode) && facts.st_rdev == own_terminal) {
    // Whatever else is wrong with the call comes before the terminal that PID 1 has not.
    Outcome<Fd> tried = reopen(call.caller.cache(), object.fd, request.flags | O_NONBLOCK);
    if (tried.code() != ENXIO) return tried;
    Object terminal = WARDER_GET(find_own_terminal(call));
    WARDER_GET(call.caller.act());
    return open_waiting(call, terminal.fd, request.flags);
  }
  if (gets_no_requests(call, object, facts)) return open_without_requests(call, object.fd, request.flags);
  if (may_wait(facts) && (request.flags & O_NONBLOCK) == 0) return open_waiting(call, object.fd, request.flags);
  return reopen(call.caller.cache(), object.fd, request.flags);
}

}  // namespace

Outcome<Fd> open_existing(Call& call, Object& object, const OpenRequest& request) {
  // What it is would tell that it is there.
  if (call.worker.policy.hides()) WARDER_GET(ask(call, object, policy::Rights{}));
  const struct stat facts = WARDER_GET(facts_of(object));
  const bool directory = S_ISDIR(facts.st_mode);
  if ((request.flags & O_DIRECTORY) != 0 && !directory) return Errno{ENOTDIR};
  if (S_ISLNK(facts.st_mode)) return Errno{ELOOP};
  if (directory && request.writes()) return Errno{EISDIR};

  policy::Rights wanted = request.rights();
  if (directory) wanted = policy::Right::list;
  if (!descriptor_covers(call, object, request)) WARDER_GET(ask(call, object, wanted));
  // Opening a file or directory for reading leaves no trace; everything else may.
  if (!only_reads(request) || !(directory || S_ISREG(facts.st_mode))) WARDER_GET(call.caller.prove());
  if (object.of_caller) WARDER_GET(call.caller.act_on_itself());
  if (S_ISREG(facts.st_mode)) return open_regular(call, object.fd, request.flags);
  if (directory) return reopen(call.caller.cache(), object.fd, request.flags);
  return open_special(call, object, request, facts);
}

}  // namespace warder::supervisor::files
