// The intermediate between a process and its child in other namespaces.
#include "runtime/container/joined_clone.h"

#include <sched.h>
#include <unistd.h>

#include "linux/socket.h"
#include "supervisor/protocol/messages.h"

namespace warder::runtime {

namespace {

using supervisor::Message;
using supervisor::MessageType;

/// The intermediate. Returns in the child only.
Result<kernel::Cloned> become_intermediate(const std::vector<const JoinedNamespace*>& joined, std::uint64_t flags, Fd parent) {
  auto fail = [&parent](const Error& error) {
    (void)supervisor::send_message(parent, {.type = MessageType::failed, .number = 0, .text = error.text(), .fds = {}});
    ::_exit(1);
  };
  if (Result<void> entered = join(joined); !entered) fail(entered.error());
  Result<kernel::Cloned> child = kernel::clone_process({.flags = flags | CLONE_PARENT, .cgroup_v2 = {}});
  if (!child) fail(child.error());
  if (child->child()) return child;
  // Our own PID namespace is still the caller's, so the number is as the caller would see it. Its /proc could not be asked: the
  // child may be replacing the root that both stand in.
  Message message{.type = MessageType::started, .number = static_cast<std::uint64_t>(child->pid), .text = {}, .fds = {}};
  message.fds.push_back(std::move(child->pidfd));
  (void)supervisor::send_message(parent, message);
  ::_exit(0);
}

}  // namespace

Result<kernel::Cloned> clone_in(const std::vector<const JoinedNamespace*>& joined, std::uint64_t flags, BorrowedFd cgroup_v2) {
  if (joined.empty()) {
    return kernel::clone_process({.flags = flags, .cgroup_v2 = cgroup_v2.valid() ? std::optional(cgroup_v2) : std::nullopt});
  }
  auto [mine, theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  kernel::Cloned intermediate = WARDER_TRY(kernel::clone_process({}));
  if (intermediate.child()) {
    mine.reset();
    return become_intermediate(joined, flags, std::move(theirs));
  }
  theirs.reset();
  Result<Message> message = supervisor::receive_message(mine);
  (void)kernel::wait_exit(intermediate.pidfd);
  if (!message) return std::move(message).error();
  if (message->type != MessageType::started || message->fds.size() != 1) return Error(Fault::environment, message->text);
  kernel::Cloned child;
  child.pidfd = std::move(message->fds[0]);
  child.pid = static_cast<pid_t>(message->number);
  return child;
}

}  // namespace warder::runtime
