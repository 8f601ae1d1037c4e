// The last steps of warder's own image in P1, P2 and a session: numbers for the descriptors, then warder-init.
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/credentials.h"
#include "linux/open.h"
#include "linux/process.h"
#include "linux/procfs.h"
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

namespace {

Result<std::uint32_t> first_mapped(const std::string& map) {
  Fd file = WARDER_TRY(kernel::open_path(map, O_RDONLY));
  std::string text = WARDER_TRY(kernel::read_all(file));
  std::string_view line = text;
  std::string_view word = kernel::next_word(line);
  if (word.empty()) return Error::user("'" + map + "' is empty");
  return static_cast<std::uint32_t>(kernel::number(word));
}

/// Without a uid 0 an execve would take all capabilities from us, except ambient ones; nothing raises them again later, and the
/// workload's own sets are made from scratch.
Result<void> keep_capabilities_over_execve() {
  kernel::ThreadCapabilities now = WARDER_TRY(kernel::thread_capabilities());
  now.inheritable = now.permitted;
  if (int code = kernel::set_thread_capabilities(now); code != 0) return Error::syscall("capset", code);
  for (unsigned long number = 0; number < 64; ++number) {
    if ((now.permitted >> number & 1U) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) return Error::syscall("PR_CAP_AMBIENT_RAISE");
  }
  return {};
}

}  // namespace

Result<FirstIds> first_ids(const std::string& process) {
  return FirstIds{.uid = WARDER_TRY(first_mapped(process + "/uid_map")), .gid = WARDER_TRY(first_mapped(process + "/gid_map"))};
}

Result<void> become_namespace_root(std::optional<FirstIds> first) {
  // EINVAL: no id 0 is mapped here.
  if (::setresgid(0, 0, 0) < 0) {
    if (errno != EINVAL) return Error::syscall("setresgid in the user namespace");
    if (!first) first = WARDER_TRY(first_ids("/proc/self"));
    if (::setresgid(first->gid, first->gid, first->gid) < 0) return Error::syscall("setresgid in the user namespace");
  }
  // EPERM: setgroups is denied here for good, the groups of the caller stay.
  if (::setgroups(0, nullptr) < 0 && errno != EPERM) return Error::syscall("setgroups");
  if (::setresuid(0, 0, 0) == 0) return {};
  if (errno != EINVAL) return Error::syscall("setresuid in the user namespace");
  if (!first) first = WARDER_TRY(first_ids("/proc/self"));
  if (::setresuid(first->uid, first->uid, first->uid) < 0) return Error::syscall("setresuid in the user namespace");
  return keep_capabilities_over_execve();
}

}  // namespace warder::runtime
