// Looking without opening: stat and its family, access, readlink, statfs. Trapped only where a profile hides, because that alone
// takes existence away. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"
#include "supervisor/naming.h"

namespace warder::supervisor::files {
namespace {

/// Finds the object and asks whether it may be known of.
Outcome<void> find_visible(Call& call, const PathArgument& argument, Object& object) {
  WARDER_GET(find(call, argument, object));
  return ask(call, object, policy::Rights{});
}

template <class T>
Answer write_out(Call& call, std::uint64_t address, const T& value) {
  WARDER_GET(call.caller.copy_out(address, std::as_bytes(std::span(&value, 1))));
  return 0;
}

Answer stat_to(Call& call, const PathArgument& argument, std::uint64_t buffer) {
  Object object;
  WARDER_GET(find_visible(call, argument, object));
  return write_out(call, buffer, WARDER_GET(facts_of(object)));
}

Answer statx_to(Call& call, const PathArgument& argument, int flags, unsigned mask, std::uint64_t buffer) {
  Object object;
  WARDER_GET(find_visible(call, argument, object));
  struct statx facts {};
  const int sync = flags & AT_STATX_SYNC_TYPE;
  if (::statx(object.fd.get(), "", sync | AT_EMPTY_PATH, mask, &facts) != 0) return Errno::last();
  return write_out(call, buffer, facts);
}

Answer statfs_to(Call& call, std::uint64_t path, std::uint64_t buffer) {
  Object object;
  WARDER_GET(find_visible(call, {AT_FDCWD, path, LastLink::follow, false}, object));
  struct statfs facts {};
  if (::fstatfs(object.fd.get(), &facts) != 0) return Errno::last();
  return write_out(call, buffer, facts);
}

/// A link of a procfs to a file of some process says its name below the reader's root, where it lies there.
Outcome<ssize_t> below_own_root(Call& call, std::array<char, PATH_MAX>& target, ssize_t length) {
  const Fd root = WARDER_GET(call.caller.take_root());
  WARDER_GET(call.caller.act());
  PathText above;
  WARDER_GET(read_name(call.caller.cache(), root, above));
  std::string_view rest(target.data(), static_cast<std::size_t>(length));
  if (!rest.starts_with(above.view())) return length;
  rest.remove_prefix(above.size());
  if (rest.empty()) rest = "/";
  if (!rest.starts_with('/')) return length;
  std::memmove(target.data(), rest.data(), rest.size());
  return static_cast<ssize_t>(rest.size());
}

/// "self" and "thread-self" of a procfs say who reads them.
Outcome<ssize_t> read_target(Call& call, const Object& object, std::array<char, PATH_MAX>& target) {
  const std::string_view name = object.name.view();
  const NamespacePids& process = call.caller.status().process;
  const NamespacePids& thread = call.caller.status().thread;
  const std::size_t level = process.levels > 1 ? 1 : 0;
  std::string text;
  if (name.ends_with("/self")) text = std::to_string(process.pid[level]);
  if (name.ends_with("/thread-self")) {
    text = std::to_string(process.pid[level]) + "/task/" + std::to_string(thread.pid[level]);
  }
  struct statfs facts {};
  const bool procfs = ::fstatfs(object.fd.get(), &facts) == 0 && facts.f_type == PROC_SUPER_MAGIC;
  if (!procfs || text.empty()) {
    const ssize_t length = ::readlinkat(object.fd.get(), "", target.data(), target.size());
    if (length < 0) return Errno::last();
    const bool magic = procfs && call.caller.status().own_root && length > 0 && target[0] == '/';
    return magic ? below_own_root(call, target, length) : Outcome<ssize_t>(length);
  }
  text.copy(target.data(), target.size());
  return static_cast<ssize_t>(text.size());
}

Answer readlink_to(Call& call, const PathArgument& argument, std::uint64_t buffer, int size) {
  if (size <= 0) return Errno{EINVAL};
  Object object;
  WARDER_GET(find_visible(call, argument, object));
  const struct stat facts = WARDER_GET(facts_of(object));
  if (!S_ISLNK(facts.st_mode)) return Errno{object.by_descriptor ? ENOENT : EINVAL};
  if (object.of_caller) WARDER_GET(call.caller.act_on_itself());
  std::array<char, PATH_MAX> target;
  const ssize_t length = std::min<ssize_t>(WARDER_GET(read_target(call, object, target)), size);
  WARDER_GET(call.caller.copy_out(buffer, std::as_bytes(std::span(target.data(), static_cast<std::size_t>(length)))));
  return length;
}

Answer access_of(Call& call, PathArgument argument, int mode, int flags) {
  if ((mode & ~(R_OK | W_OK | X_OK)) != 0) return Errno{EINVAL};
  if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return Errno{EINVAL};
  if ((flags & AT_EACCESS) == 0) call.caller.use_real_ids();
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) argument.last = LastLink::keep;
  argument.empty_path = (flags & AT_EMPTY_PATH) != 0;
  Object object;
  WARDER_GET(find_visible(call, argument, object));
  // A process may do anything in its directory of descriptors, whatever the mode says; others may not (proc_fd_permission).
  if (object.of_caller && object.name.view().ends_with("/fd")) return 0;
  // The worker has the ids that count as its fs ids, which is what AT_EACCESS looks at.
  if (::syscall(SYS_faccessat2, object.fd.get(), "", mode, AT_EACCESS | AT_EMPTY_PATH) != 0) return Errno::last();
  return 0;
}

}  // namespace

void stat(Call& call) { answer(call, stat_to(call, {AT_FDCWD, call.notification.argument(0)}, call.notification.argument(1))); }

void lstat(Call& call) {
  answer(call, stat_to(call, {AT_FDCWD, call.notification.argument(0), LastLink::keep}, call.notification.argument(1)));
}

void newfstatat(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(3);
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) != 0) {
    return answer(call, Answer(Errno{EINVAL}));
  }
  const LastLink last = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow;
  answer(call, stat_to(call, {asked.int_argument(0), asked.argument(1), last, (flags & AT_EMPTY_PATH) != 0}, asked.argument(2)));
}

void statx(Call& call) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(2);
  const auto mask = static_cast<unsigned>(asked.argument(3));
  constexpr unsigned reserved = 0x80000000U;  // STATX__RESERVED
  constexpr int known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
  if ((mask & reserved) != 0 || (flags & ~known) != 0 || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE) {
    return answer(call, Answer(Errno{EINVAL}));
  }
  const LastLink last = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow;
  const PathArgument argument{asked.int_argument(0), asked.argument(1), last, (flags & AT_EMPTY_PATH) != 0};
  answer(call, statx_to(call, argument, flags, mask, asked.argument(4)));
}

void statfs(Call& call) { answer(call, statfs_to(call, call.notification.argument(0), call.notification.argument(1))); }

void readlink(Call& call) {
  const Notification& asked = call.notification;
  answer(call, readlink_to(call, {AT_FDCWD, asked.argument(0), LastLink::keep}, asked.argument(1), asked.int_argument(2)));
}

void readlinkat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, readlink_to(call, {asked.int_argument(0), asked.argument(1), LastLink::keep, true}, asked.argument(2),
                           asked.int_argument(3)));
}

void access(Call& call) {
  answer(call, access_of(call, {AT_FDCWD, call.notification.argument(0)}, call.notification.int_argument(1), 0));
}

void faccessat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, access_of(call, {asked.int_argument(0), asked.argument(1)}, asked.int_argument(2), 0));
}

void faccessat2(Call& call) {
  const Notification& asked = call.notification;
  answer(call, access_of(call, {asked.int_argument(0), asked.argument(1)}, asked.int_argument(2), asked.int_argument(3)));
}

}  // namespace warder::supervisor::files
