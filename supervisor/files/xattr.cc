// Extended attributes, by name, by descriptor and by directory and name. Workers of PID 1, as the caller.
//
// Reading is trapped only where a profile hides; what is set or removed needs the right.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "linux/newer.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using policy::Right;
using policy::Rights;

/// Whose attributes: something by a path, or an open file.
struct Subject {
  PathArgument path;
  int descriptor = -1;
  bool by_descriptor = false;
};

Subject at_path(Call& call, LastLink last) { return {{AT_FDCWD, call.notification.argument(0), last}}; }
Subject at_descriptor(Call& call) { return {{}, call.notification.int_argument(0), true}; }

/// What an empty path beside AT_FDCWD is: the kernel's four calls do not agree.
enum class EmptyBesideCwd : std::uint8_t { the_directory, no_descriptor };

/// The first three arguments of the *at forms. With AT_EMPTY_PATH a null or empty path is the open file itself.
Outcome<Subject> at_directory(Call& call, EmptyBesideCwd beside_cwd) {
  const Notification& asked = call.notification;
  const auto flags = static_cast<unsigned>(asked.argument(2));
  if ((flags & ~static_cast<unsigned>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return Errno{EINVAL};
  Subject subject;
  subject.path = {asked.int_argument(0), asked.argument(1),
                  (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow, (flags & AT_EMPTY_PATH) != 0};
  if (!subject.path.empty_path) return subject;
  if (subject.path.directory < 0 && beside_cwd == EmptyBesideCwd::the_directory) return subject;
  PathText text;
  if (subject.path.address != 0) WARDER_GET(call.caller.copy_path(subject.path.address, text));
  if (text.empty()) subject = {{}, asked.int_argument(0), true};
  return subject;
}

Outcome<void> find_and_ask(Call& call, const Subject& subject, Rights wanted, Object& object) {
  if (subject.by_descriptor) {
    WARDER_GET(find_open_file(call, subject.descriptor, object));
  } else {
    WARDER_GET(find(call, subject.path, object));
  }
  return ask(call, object, wanted);
}

/// Copies the attribute's name as the kernel does.
Outcome<void> copy_name(Call& call, std::uint64_t address, PathText& name) {
  const Outcome<void> copied = call.caller.copy_path(address, name);
  if (copied.code() == ENAMETOOLONG || (copied.ok() && (name.empty() || name.size() > XATTR_NAME_MAX))) return Errno{ERANGE};
  return copied;
}

/// struct xattr_args of the *at forms: where the value is, how long, and XATTR_* flags.
struct Value {
  std::uint64_t address = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
};

Outcome<Value> copy_value_arguments(Call& call, std::uint64_t address, std::uint64_t size) {
  return copy_extensible<Value>(call.caller, address, size);
}

Outcome<void> set(Call& call, const Subject& subject, std::uint64_t name_address, std::uint64_t address, std::uint64_t size,
                  int flags) {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return Errno{EINVAL};
  PathText name;
  WARDER_GET(copy_name(call, name_address, name));
  if (size > XATTR_SIZE_MAX) return Errno{E2BIG};
  std::vector<std::byte> value(size);
  WARDER_GET(call.caller.copy_in(address, value));
  Object object;
  WARDER_GET(find_and_ask(call, subject, Right::xattr, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  if (::setxattr(number.c_str(), name.c_str(), value.data(), value.size(), flags) != 0) return Errno::last();
  return {};
}

Outcome<void> set(Call& call, const Subject& subject) {
  const Notification& asked = call.notification;
  return set(call, subject, asked.argument(1), asked.argument(2), asked.argument(3), asked.int_argument(4));
}

Outcome<void> set_at(Call& call) {
  const Notification& asked = call.notification;
  const Value value = WARDER_GET(copy_value_arguments(call, asked.argument(4), asked.argument(5)));
  const Subject subject = WARDER_GET(at_directory(call, EmptyBesideCwd::the_directory));
  return set(call, subject, asked.argument(3), value.address, value.size, static_cast<int>(value.flags));
}

Outcome<void> remove(Call& call, const Outcome<Subject>& subject, std::uint64_t name_address) {
  if (!subject.ok()) return Errno{subject.code()};
  PathText name;
  WARDER_GET(copy_name(call, name_address, name));
  Object object;
  WARDER_GET(find_and_ask(call, *subject, Right::xattr, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  if (::removexattr(number.c_str(), name.c_str()) != 0) return Errno::last();
  return {};
}

/// Size 0 asks how much there is. `read` fills a buffer, or says the size for a null one.
template <class Read>
Answer read_to(Call& call, std::uint64_t buffer, std::uint64_t size, const Read& read) {
  std::vector<std::byte> bytes(std::min<std::uint64_t>(size, XATTR_SIZE_MAX));
  const ssize_t length = read(bytes.empty() ? nullptr : bytes.data(), bytes.size());
  if (length < 0) return Errno::last();
  if (size != 0) WARDER_GET(call.caller.copy_out(buffer, std::span(bytes.data(), static_cast<std::size_t>(length))));
  return length;
}

Answer get(Call& call, const Subject& subject, std::uint64_t name_address, std::uint64_t buffer, std::uint64_t size) {
  PathText name;
  WARDER_GET(copy_name(call, name_address, name));
  Object object;
  WARDER_GET(find_and_ask(call, subject, Rights{}, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return read_to(call, buffer, size,
                 [&](std::byte* into, std::size_t room) { return ::getxattr(number.c_str(), name.c_str(), into, room); });
}

Answer get(Call& call, LastLink last) {
  const Notification& asked = call.notification;
  return get(call, at_path(call, last), asked.argument(1), asked.argument(2), asked.argument(3));
}

Answer get_at(Call& call) {
  const Notification& asked = call.notification;
  const Value value = WARDER_GET(copy_value_arguments(call, asked.argument(4), asked.argument(5)));
  if (value.flags != 0) return Errno{EINVAL};
  const Subject subject = WARDER_GET(at_directory(call, EmptyBesideCwd::the_directory));
  return get(call, subject, asked.argument(3), value.address, value.size);
}

Answer list(Call& call, const Outcome<Subject>& subject, std::uint64_t buffer, std::uint64_t size) {
  if (!subject.ok()) return Errno{subject.code()};
  Object object;
  WARDER_GET(find_and_ask(call, *subject, Rights{}, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  return read_to(call, buffer, size, [&](std::byte* into, std::size_t room) {
    return ::listxattr(number.c_str(), reinterpret_cast<char*>(into), room);
  });
}

/// The four *at forms came together, with Linux 6.13.
bool at_forms_exist() {
  static const bool exist = ::syscall(kernel::sys_removexattrat, -1, "", 0, "") != 0 && errno != ENOSYS;
  return exist;
}

}  // namespace

void setxattr(Call& call) { answer(call, set(call, at_path(call, LastLink::follow))); }
void lsetxattr(Call& call) { answer(call, set(call, at_path(call, LastLink::keep))); }
void fsetxattr(Call& call) { answer(call, set(call, at_descriptor(call))); }
void setxattrat(Call& call) { answer(call, at_forms_exist() ? set_at(call) : Outcome<void>(Errno{ENOSYS})); }

void removexattr(Call& call) { answer(call, remove(call, at_path(call, LastLink::follow), call.notification.argument(1))); }
void lremovexattr(Call& call) { answer(call, remove(call, at_path(call, LastLink::keep), call.notification.argument(1))); }
void fremovexattr(Call& call) { answer(call, remove(call, at_descriptor(call), call.notification.argument(1))); }
void removexattrat(Call& call) {
  answer(call, at_forms_exist() ? remove(call, at_directory(call, EmptyBesideCwd::no_descriptor), call.notification.argument(3))
                                : Outcome<void>(Errno{ENOSYS}));
}

void getxattr(Call& call) { answer(call, get(call, LastLink::follow)); }
void lgetxattr(Call& call) { answer(call, get(call, LastLink::keep)); }
void getxattrat(Call& call) { answer(call, at_forms_exist() ? get_at(call) : Answer(Errno{ENOSYS})); }

void listxattr(Call& call) {
  const Notification& asked = call.notification;
  answer(call, list(call, at_path(call, LastLink::follow), asked.argument(1), asked.argument(2)));
}
void llistxattr(Call& call) {
  const Notification& asked = call.notification;
  answer(call, list(call, at_path(call, LastLink::keep), asked.argument(1), asked.argument(2)));
}
void listxattrat(Call& call) {
  const Notification& asked = call.notification;
  answer(call, at_forms_exist()
                   ? list(call, at_directory(call, EmptyBesideCwd::no_descriptor), asked.argument(3), asked.argument(4))
                   : Answer(Errno{ENOSYS}));
}

}  // namespace warder::supervisor::files
