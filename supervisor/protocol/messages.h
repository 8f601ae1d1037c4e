// The typed messages between warder, PID 1 and the process that becomes the workload. One SOCK_SEQPACKET datagram each.
//
// The hand-over of a listener must not wait on the listener (law 8): a process that has installed its filter speaks only with
// write(2) and read(2), which are never trapped, and names the listener by its number; the other side takes it with
// pidfd_getfd(2).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::supervisor {

enum class MessageType : std::uint32_t {
  // runtime_fd, from either mode of warder-init to the runtime
  ready = 1,  ///< supervise: PID 1 is confined and answers. workload: confined, waiting for start
  failed,     ///< text: one line that says why this container or session cannot be
  // peer_fd and exec's runtime_fd
  listener,         ///< number: the fd number of the listener in the sender; taken with pidfd_getfd
  listener_taken,   ///< the listener is being answered; go on
  start,            ///< execute the program now
  started,          ///< number: pid. On peer_fd: everything but execve is done and execve is next; success is then seen by EOF
  engine_listener,  ///< as `listener`, on runtime_fd: the one of config.json's own filter, for its agent
  // control socket, from warder to PID 1; each is answered with done or failed
  control_start,    ///< run the workload; failed carries the text of the failure
  control_session,  ///< SCM_RIGHTS: an exec session's listener; number: pid of the session in the runtime's PID namespace
  control_quiesce,  ///< answer what was received, receive no more (before freezing)
  control_resume,   ///< receive again
  control_boot,     ///< asks for the Boot memfd, which comes back with done by SCM_RIGHTS
  control_kill,     ///< number: end the container when the workload is gone or on SIGKILL
  control_policy,   ///< SCM_RIGHTS: a sealed memfd with the policy::Compiled block to decide by from now on
  control_usage,    ///< asks for Usage::text(), which comes back with done in a memfd
  done,
};

struct Message {
  MessageType type{};
  std::uint64_t number = 0;
  std::string text;
  std::vector<Fd> fds;  ///< received or to be sent with SCM_RIGHTS
  pid_t sender = 0;     ///< of a received one, where kernel::name_senders() asked for it
};

inline constexpr std::size_t max_message_text = 16 * 1024;

/// Sends with sendmsg(2). Blocking; EPIPE where the other side is gone (no SIGPIPE).
Result<void> send_message(BorrowedFd socket, const Message& message);
/// Sends with write(2) alone, for a process under its own filter. A message with fds is a bug.
Result<void> write_message(BorrowedFd socket, const Message& message);
/// Waits for one datagram; an Error with code 0 and the text "closed" where the other side has closed. Received fds are
/// close-on-exec.
Result<Message> receive_message(BorrowedFd socket);
/// read(2) alone, for a process under its own filter; fds that came along are lost.
Result<Message> read_message(BorrowedFd socket);

}  // namespace warder::supervisor
