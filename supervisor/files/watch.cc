// Being told about changes, and handles of files: inotify_add_watch, fanotify_mark, name_to_handle_at. Workers of PID 1, as the
// caller.
#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>

#include "linux/procfs.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;

// Of name_to_handle_at(2).
constexpr int unique_mount_id = 0x001;  // AT_HANDLE_MNT_ID_UNIQUE, Linux 6.12
constexpr int connectable = 0x002;      // AT_HANDLE_CONNECTABLE, Linux 6.13
constexpr int file_id = 0x200;          // AT_HANDLE_FID, Linux 6.5

Answer add_watch(Call& call) {
  const Notification& asked = call.notification;
  const auto mask = static_cast<std::uint32_t>(asked.argument(2));
  constexpr std::uint32_t known = IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |
                                  IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT;
  constexpr std::uint32_t either = IN_MASK_ADD | IN_MASK_CREATE;
  if ((mask & known) == 0 || (mask & ~known) != 0) return Errno{EINVAL};
  Object instance;
  WARDER_GET(find_open_file(call, asked.int_argument(0), instance));
  if ((mask & either) == either || instance.name.view() != "anon_inode:inotify") return Errno{EINVAL};
  const LastLink last = (mask & IN_DONT_FOLLOW) != 0 ? LastLink::keep : LastLink::follow;
  Object object;
  WARDER_GET(find(call, {AT_FDCWD, asked.argument(1), last}, object));
  WARDER_GET(ask(call, object, Right::watch));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  const int watch = ::inotify_add_watch(instance.fd.get(), number.c_str(), mask & ~static_cast<std::uint32_t>(IN_DONT_FOLLOW));
  if (watch < 0) return Errno::last();
  return watch;
}

/// A group that is told file handles learns only that something happened; any other is handed open descriptors of files that
/// nobody decided about. The flags of a group stand in fdinfo: "fanotify flags:200 event-flags:0".
bool reports_handles(Call& call, BorrowedFd group) {
  call.caller.identity().own();
  const std::string path = "self/fdinfo/" + std::to_string(group.get());
  const Fd file(::openat(call.worker.procfs.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> text;
  const ssize_t size = file.valid() ? kernel::read_afresh(file, text.data(), text.size()) : -1;
  (void)call.caller.act();
  if (size <= 0) return false;
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  std::string_view line;
  constexpr std::string_view title = "fanotify flags:";
  while (kernel::next_line(rest, line)) {
    if (!line.starts_with(title)) continue;
    line.remove_prefix(title.size());
    return (kernel::number(kernel::next_word(line), 16) & (FAN_REPORT_FID | FAN_REPORT_DIR_FID)) != 0;
  }
  return false;
}

Outcome<void> mark(Call& call) {
  const Notification& asked = call.notification;
  const auto flags = static_cast<unsigned>(asked.argument(1));
  Object group;
  WARDER_GET(find_open_file(call, asked.int_argument(0), group));
  // Whole mounts and file systems have no name to ask about.
  constexpr unsigned wide = FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM;
  if ((flags & wide) != 0 || !reports_handles(call, group.fd)) return Errno{EPERM};
  Object object;
  PathArgument argument{asked.int_argument(3), asked.argument(4)};
  argument.last = (flags & FAN_MARK_DONT_FOLLOW) != 0 ? LastLink::keep : LastLink::follow;
  argument.empty_path = argument.address == 0;
  WARDER_GET(find(call, argument, object));
  WARDER_GET(ask(call, object, Right::watch));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  const unsigned followed = flags & ~static_cast<unsigned>(FAN_MARK_DONT_FOLLOW);
  if (::fanotify_mark(group.fd.get(), followed, asked.argument(2), AT_FDCWD, number.c_str()) != 0) return Errno::last();
  return {};
}

/// A handle says nothing but that the object exists and is the same one: what can be opened by it is another call's business.
Answer handle_to(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(4);
  constexpr int known = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | unique_mount_id | connectable | file_id;
  if ((flags & ~known) != 0) return Errno{EINVAL};
  if ((flags & connectable) != 0 && (flags & (file_id | AT_EMPTY_PATH)) != 0) return Errno{EINVAL};
  Object object;
  const LastLink last = (flags & AT_SYMLINK_FOLLOW) != 0 ? LastLink::follow : LastLink::keep;
  WARDER_GET(find(call, {asked.int_argument(0), asked.argument(1), last, (flags & AT_EMPTY_PATH) != 0}, object));
  WARDER_GET(ask(call, object, policy::Rights{}));

  struct {
    file_handle head;
    std::array<std::byte, MAX_HANDLE_SZ> bytes;
  } handle{};
  WARDER_GET(call.caller.copy_in(asked.argument(2), std::as_writable_bytes(std::span(&handle.head, 1))));
  if (handle.head.handle_bytes > MAX_HANDLE_SZ) return Errno{EINVAL};
  WARDER_GET(call.caller.act());
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  std::uint64_t mount = 0;  // an int, or 64 bits where AT_HANDLE_MNT_ID_UNIQUE asks for them
  const int by_number = (flags & ~AT_EMPTY_PATH) | AT_SYMLINK_FOLLOW;
  const long result = ::syscall(SYS_name_to_handle_at, AT_FDCWD, number.c_str(), &handle, &mount, by_number);
  // EOVERFLOW says how large the handle is, and which mount.
  if (result != 0 && errno != EOVERFLOW) return Errno::last();
  const int error = result == 0 ? 0 : EOVERFLOW;
  const std::size_t mount_size = (flags & unique_mount_id) != 0 ? sizeof mount : sizeof(int);
  const std::size_t size = sizeof handle.head + (error == 0 ? handle.head.handle_bytes : 0);
  WARDER_GET(call.caller.copy_out(asked.argument(3), std::as_bytes(std::span(&mount, 1)).first(mount_size)));
  WARDER_GET(call.caller.copy_out(asked.argument(2), std::span(reinterpret_cast<const std::byte*>(&handle), size)));
  if (error != 0) return Errno{error};
  return 0;
}

/// Set for good by the first watch: see anything_is_watched().
std::atomic<bool> watched = false;

}  // namespace

bool anything_is_watched() { return watched.load(std::memory_order_relaxed); }

void inotify_add_watch(Call& call) {
  watched.store(true, std::memory_order_relaxed);
  answer(call, add_watch(call));
}

void fanotify_mark(Call& call) {
  watched.store(true, std::memory_order_relaxed);
  const auto flags = static_cast<unsigned>(call.notification.argument(1));
  // Emptying a group names no file, and the verdict reads no memory.
  if ((flags & FAN_MARK_FLUSH) != 0) return (void)std::move(call.notification).let_kernel_run();
  answer(call, mark(call));
}

void name_to_handle_at(Call& call) { answer(call, handle_to(call)); }

}  // namespace warder::supervisor::files
