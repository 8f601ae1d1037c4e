// Setting and removing extended attributes, by name and by descriptor. Workers of PID 1, as the caller.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include <vector>

#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

/// The object of the first argument: a path or a descriptor.
enum class Named : std::uint8_t { by_path, by_path_keeping_link, by_descriptor };

/// Copies the attribute's name as the kernel does.
Outcome<void> copy_name(Call& call, std::uint64_t address, PathText& name) {
  const Outcome<void> copied = call.caller.copy_path(address, name);
  if (copied.code() == ENAMETOOLONG || (copied.ok() && (name.empty() || name.size() > XATTR_NAME_MAX))) return Errno{ERANGE};
  return copied;
}

Outcome<void> find_and_ask(Call& call, Named named, Object& object) {
  const Notification& asked = call.notification;
  if (named == Named::by_descriptor) {
    WARDER_GET(find_open_file(call, asked.int_argument(0), object));
  } else {
    const LastLink last = named == Named::by_path ? LastLink::follow : LastLink::keep;
    WARDER_GET(find(call, {AT_FDCWD, asked.argument(0), last}, object));
  }
  return ask(call, object, policy::Right::xattr);
}

Outcome<void> set(Call& call, Named named) {
  const Notification& asked = call.notification;
  const int flags = asked.int_argument(4);
  const std::uint64_t size = asked.argument(3);
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return Errno{EINVAL};
  PathText name;
  WARDER_GET(copy_name(call, asked.argument(1), name));
  if (size > XATTR_SIZE_MAX) return Errno{E2BIG};
  std::vector<std::byte> value(size);
  WARDER_GET(call.caller.copy_in(asked.argument(2), value));
  Object object;
  WARDER_GET(find_and_ask(call, named, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  if (::setxattr(number.c_str(), name.c_str(), value.data(), value.size(), flags) != 0) return Errno::last();
  return {};
}

Outcome<void> remove(Call& call, Named named) {
  PathText name;
  WARDER_GET(copy_name(call, call.notification.argument(1), name));
  Object object;
  WARDER_GET(find_and_ask(call, named, object));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  if (::removexattr(number.c_str(), name.c_str()) != 0) return Errno::last();
  return {};
}

}  // namespace

void setxattr(Call& call) { answer(call, set(call, Named::by_path)); }
void lsetxattr(Call& call) { answer(call, set(call, Named::by_path_keeping_link)); }
void fsetxattr(Call& call) { answer(call, set(call, Named::by_descriptor)); }
void removexattr(Call& call) { answer(call, remove(call, Named::by_path)); }
void lremovexattr(Call& call) { answer(call, remove(call, Named::by_path_keeping_link)); }
void fremovexattr(Call& call) { answer(call, remove(call, Named::by_descriptor)); }

}  // namespace warder::supervisor::files
