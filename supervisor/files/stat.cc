// Looking without opening: stat and its family, access, readlink, statfs, and reading extended attributes by name. Trapped only
// where a profile hides, because that alone takes existence away. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

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

/// "self" and "thread-self" of a procfs say who reads them.
ssize_t read_target(Call& call, const Object& object, std::array<char, PATH_MAX>& target) {
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
  const bool meant = !text.empty() && ::fstatfs(object.fd.get(), &facts) == 0 && facts.f_type == 0x9fa0;  // PROC_SUPER_MAGIC
  if (!meant) return ::readlinkat(object.fd.get(), "", target.data(), target.size());
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
  ssize_t length = read_target(call, object, target);
  if (length < 0) return Errno::last();
  length = std::min<ssize_t>(length, size);
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

/// Size 0 asks how much there is. `read` fills a buffer, or says the size for a null one.
template <class Read>
Answer attributes_to(Call& call, std::uint64_t buffer, std::uint64_t size, const Read& read) {
  std::vector<std::byte> bytes(std::min<std::uint64_t>(size, XATTR_SIZE_MAX));
  const ssize_t length = read(bytes.empty() ? nullptr : bytes.data(), bytes.size());
  if (length < 0) return Errno::last();
  if (size != 0) WARDER_GET(call.caller.copy_out(buffer, std::span(bytes.data(), static_cast<std::size_t>(length))));
  return length;
}

Answer getxattr_to(Call& call, LastLink last) {
  const Notification& asked = call.notification;
  PathText name;
  WARDER_GET(call.caller.copy_path(asked.argument(1), name));
  if (name.empty() || name.size() > XATTR_NAME_MAX) return Errno{ERANGE};
  Object object;
  WARDER_GET(find_visible(call, {AT_FDCWD, asked.argument(0), last, false}, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return attributes_to(call, asked.argument(2), asked.argument(3),
                       [&](std::byte* into, std::size_t size) { return ::getxattr(number.c_str(), name.c_str(), into, size); });
}

Answer listxattr_to(Call& call, LastLink last) {
  const Notification& asked = call.notification;
  Object object;
  WARDER_GET(find_visible(call, {AT_FDCWD, asked.argument(0), last, false}, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return attributes_to(call, asked.argument(1), asked.argument(2), [&](std::byte* into, std::size_t size) {
    return ::listxattr(number.c_str(), reinterpret_cast<char*>(into), size);
  });
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

void getxattr(Call& call) { answer(call, getxattr_to(call, LastLink::follow)); }
void lgetxattr(Call& call) { answer(call, getxattr_to(call, LastLink::keep)); }
void listxattr(Call& call) { answer(call, listxattr_to(call, LastLink::follow)); }
void llistxattr(Call& call) { answer(call, listxattr_to(call, LastLink::keep)); }

}  // namespace warder::supervisor::files
