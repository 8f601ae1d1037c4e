// What a file system keeps of an inode beyond mode, owner and times: flags (immutable, append-only, no dump), project and
// version, by file_getattr and file_setattr and by ioctl on an open file. Workers of PID 1, as the caller.
//
// Owners may set some of these through a descriptor that only reads, so the verdict is about the name, with the right for
// extended attributes. The argument is copied and the request made on PID 1's own copy of the descriptor: neither can be
// exchanged.
#include "supervisor/files/inode_flags.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "linux/newer.h"
#include "policy/core/inode_requests.h"
#include "supervisor/files/handlers.h"
#include "supervisor/files/steps.h"

namespace warder::supervisor::files {
namespace {

using kernel::FileAttributes;
using policy::Right;
using policy::Rights;

bool file_attributes_exist() {
  static const bool exist = ::syscall(kernel::sys_file_getattr, -1, "", nullptr, 0, 0) != 0 && errno != ENOSYS;
  return exist;
}

Outcome<void> check_size(std::uint64_t size) {
  constexpr std::uint64_t page = 4096;
  if (size > page) return Errno{E2BIG};
  if (size < sizeof(FileAttributes)) return Errno{EINVAL};
  return {};
}

/// The object of file_getattr and file_setattr; an empty path is an open file, as f-calls take it.
Outcome<void> find_subject(Call& call, Object& object) {
  const Notification& asked = call.notification;
  const auto flags = static_cast<unsigned>(asked.argument(4));
  const int directory = asked.int_argument(0);
  const std::uint64_t address = asked.argument(1);
  const bool empty_path = (flags & AT_EMPTY_PATH) != 0;
  PathText text;
  if (empty_path && address != 0) WARDER_GET(call.caller.copy_path(address, text));
  if (empty_path && directory >= 0 && text.empty()) return find_open_file(call, directory, object);
  return find(call, {directory, address, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::keep : LastLink::follow, empty_path},
              object);
}

bool known_flags(std::uint64_t flags) {
  return (static_cast<unsigned>(flags) & ~static_cast<unsigned>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) == 0;
}

Answer get(Call& call) {
  const Notification& asked = call.notification;
  if (!file_attributes_exist()) return Errno{ENOSYS};
  if (!known_flags(asked.argument(4))) return Errno{EINVAL};
  WARDER_GET(check_size(asked.argument(3)));
  Object object;
  WARDER_GET(find_subject(call, object));
  WARDER_GET(ask(call, object, Rights{}));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  std::array<std::byte, 4096> attributes{};
  if (::syscall(kernel::sys_file_getattr, AT_FDCWD, number.c_str(), attributes.data(), asked.argument(3), 0) != 0) {
    return Errno::last();
  }
  WARDER_GET(call.caller.copy_out(asked.argument(2), std::span(attributes).first(asked.argument(3))));
  return 0;
}

Outcome<void> set(Call& call) {
  const Notification& asked = call.notification;
  if (!file_attributes_exist()) return Errno{ENOSYS};
  if (!known_flags(asked.argument(4))) return Errno{EINVAL};
  FileAttributes attributes = WARDER_GET(copy_extensible<FileAttributes>(call.caller, asked.argument(2), asked.argument(3)));
  Object object;
  WARDER_GET(find_subject(call, object));
  WARDER_GET(ask(call, object, Right::xattr));
  const ByNumber number = WARDER_GET(ByNumber::of(call, object.fd));
  if (::syscall(kernel::sys_file_setattr, AT_FDCWD, number.c_str(), &attributes, sizeof attributes, 0) != 0) return Errno::last();
  return {};
}

/// _IOC_SIZE of a request, but for those whose number says long where the kernel reads an int.
std::size_t argument_size(unsigned request) {
  const std::size_t said = _IOC_SIZE(request);
  return said == sizeof(long) ? sizeof(int) : said;
}

}  // namespace

void request_of_file(Call& call, unsigned request, Object& object) {
  const auto known = policy::inode_requests();
  if (std::ranges::find(known, request) == known.end()) {
    // What is only asked, and what is done to the open file itself, was decided when it was opened.
    if (!policy::changes_inode(request)) return (void)std::move(call.notification).let_kernel_run();
    const Outcome<void> named = name_descriptor(call.caller, object);
    if (!named.ok()) return answer(call, named);
    if (!ask(call, object, Right::xattr).ok()) return;
    return (void)std::move(call.notification).let_kernel_run();
  }
  const auto run = [&]() -> Answer {
    std::array<std::byte, 64> argument;
    const std::size_t size = argument_size(request);
    Object file;
    WARDER_GET(find_open_file(call, call.notification.int_argument(0), file));
    WARDER_GET(call.caller.copy_in(call.notification.argument(2), std::span(argument).first(size)));
    WARDER_GET(call.caller.act());
    WARDER_GET(ask(call, file, Right::xattr));
    if (::ioctl(file.fd.get(), request, argument.data()) != 0) return Errno::last();
    return 0;
  };
  answer(call, run());
}

void file_getattr(Call& call) { answer(call, get(call)); }
void file_setattr(Call& call) { answer(call, set(call)); }

}  // namespace warder::supervisor::files
