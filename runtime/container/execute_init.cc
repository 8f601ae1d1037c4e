// The last steps of warder's own image in P1, P2 and a session: numbers for the descriptors, then warder-init.
#include <fcntl.h>
#include <grp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/process.h"
#include "runtime/container/children.h"

namespace warder::runtime {

void fail_child(BorrowedFd runtime, const Error& error) {
  (void)supervisor::send_message(runtime, {.type = supervisor::MessageType::failed,
                                           .number = static_cast<std::uint64_t>(error.code()),
                                           .text = error.text(),
                                           .fds = {}});
  ::_exit(1);
}

Error execute_init(BorrowedFd binary, const char* mode, std::span<const PlacedFd> placed, std::uint32_t preserve_fds) {
  Result<void> closing = kernel::close_fds_on_exec(3 + preserve_fds, ~0U);
  if (!closing) return std::move(closing).error();
  for (const PlacedFd& one : placed) {
    if (one.from < 0) continue;
    if (one.from == one.to) {
      if (::fcntl(one.to, F_SETFD, 0) < 0) return Error::syscall("fcntl F_SETFD");
    } else if (::dup2(one.from, one.to) < 0) {
      return Error::syscall("dup2");  // EBADF: RLIMIT_NOFILE is below the fixed numbers
    }
  }
  char name[] = "warder-init";
  std::string word = mode;
  char* const argv[] = {name, word.data(), nullptr};
  char* const env[] = {nullptr};
  ::syscall(SYS_execveat, binary.get(), "", argv, env, AT_EMPTY_PATH);
  return Error::syscall("execveat warder-init");
}

Result<void> become_namespace_root() {
  if (::setresgid(0, 0, 0) < 0) return Error::syscall("setresgid in the user namespace (is id 0 mapped?)");
  // EPERM: setgroups is denied here for good, the groups of the caller stay.
  if (::setgroups(0, nullptr) < 0 && errno != EPERM) return Error::syscall("setgroups");
  if (::setresuid(0, 0, 0) < 0) return Error::syscall("setresuid in the user namespace (is id 0 mapped?)");
  return {};
}

}  // namespace warder::runtime
