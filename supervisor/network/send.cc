// sendto, sendmsg and sendmmsg: sent for the caller from PID 1's copy of its message. Workers of PID 1, as the caller, real ids
// included (SCM_CREDENTIALS).
//
// A stream is sent in chunks, so that no size of the caller's decides how much memory PID 1 takes; a datagram in one piece or not
// at all. The first try never blocks; only where the socket is full and the caller wants to wait does the worker wait for it.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <optional>
#include <vector>

#include "supervisor/files/steps.h"
#include "supervisor/network/dns_path.h"
#include "supervisor/network/handlers.h"
#include "supervisor/network/netlink_port.h"
#include "supervisor/network/outgoing.h"
#include "supervisor/network/real_identity.h"
#include "supervisor/network/socket_argument.h"
#include "supervisor/workers.h"

namespace warder::supervisor::network {
namespace {

using files::Answer;

constexpr std::size_t chunk_size = 256 * 1024;
constexpr std::size_t max_datagram = 4 * 1024 * 1024;  ///< above every socket's send buffer that an unprivileged user can have
constexpr unsigned max_messages = 1024;                // UIO_MAXIOV
constexpr int compat_flag = INT_MIN;                   // MSG_CMSG_COMPAT, of 32-bit programs; sendto(2) does not mind it

/// One message on its way.
class Sending {
 public:
  Sending(Call& call, Socket& socket, const Outgoing& message, int flags, Refusal refusal = Refusal::answer)
      : call_(call), socket_(socket), message_(message), flags_(flags), refusal_(refusal) {}

  /// Number of bytes, or the errno; EINTR where the caller is to be interrupted.
  Answer run() {
    const bool whole = !socket_.kind.stream();
    if (whole && message_.pieces.total > max_datagram) return Errno{EMSGSIZE};
    // The pages would be ours, and the caller be told when they are free: programs fall back to copying.
    if ((flags_ & MSG_ZEROCOPY) != 0 && wants_zero_copy()) return Errno{ENOBUFS};
    if (message_.has_address) WARDER_GET(find_far_end());
    if (message_.has_address && far_end_.private_network) WARDER_GET(let_itself_be_known());
    std::size_t sent = 0;
    do {
      const std::size_t size = whole ? message_.pieces.total : std::min(message_.pieces.total - sent, chunk_size);
      buffer_.resize(size);
      const Outcome<void> copied = copy_data(call_, message_.pieces, sent, buffer_);
      if (!copied.ok() && sent == 0) return Errno{copied.code()};
      if (!copied.ok()) break;
      const Answer part = send_part(sent == 0, sent + size < message_.pieces.total);
      if (!part.ok() && sent == 0) return failed(part.code());
      if (!part.ok()) break;
      sent += static_cast<std::size_t>(*part);
      if (static_cast<std::size_t>(*part) < size && !will_wait()) break;
    } while (sent < message_.pieces.total && !whole);
    return static_cast<std::int64_t>(sent);
  }

 private:
  /// A UNIX stream or seqpacket socket sends to its peer alone: the kernel does not look at what the address names.
  Outcome<void> find_far_end() {
    if (connects()) {
      WARDER_GET(judge_far_end(call_, socket_, message_.address, Purpose::connect, far_end_, refusal_));
      if (far_end_.kind == Meaning::Kind::none) return Errno{EOPNOTSUPP};  // AF_UNSPEC
      return {};
    }
    if (socket_.kind.domain != AF_UNIX || socket_.kind.type == SOCK_DGRAM) {
      return judge_far_end(call_, socket_, message_.address, Purpose::send, far_end_, refusal_);
    }
    far_end_.address = message_.address;
    far_end_.kind = Meaning::Kind::other;
    return {};
  }

  /// The question must not arrive before it is known whose it is: the port is chosen now.
  Outcome<void> let_itself_be_known() {
    bind_to_any_port(socket_);
    note_asker(call_, socket_);
    return call_.caller.act_on_files();
  }

  /// A TCP stream connects with its first data (TCP fast open), and is judged as if by connect(2).
  [[nodiscard]] bool connects() const {
    const bool internet = socket_.kind.domain == AF_INET || socket_.kind.domain == AF_INET6;
    return (flags_ & MSG_FASTOPEN) != 0 && internet && socket_.kind.stream();
  }

  /// Without the socket's option the flag means nothing.
  [[nodiscard]] bool wants_zero_copy() const {
    int wanted = 0;
    socklen_t size = sizeof wanted;
    return ::getsockopt(socket_.fd.get(), SOL_SOCKET, SO_ZEROCOPY, &wanted, &size) != 0 || wanted != 0;
  }

  [[nodiscard]] bool will_wait() const { return (flags_ & MSG_DONTWAIT) == 0 && socket_.blocking(); }

  Answer send_part(bool first, bool more) {
    WARDER_GET(call_.caller.act_on_files());
    const RealIdentity identity(call_.caller);
    if (!identity.ok()) return Errno{EPERM};
    give_netlink_port(call_, socket_);
    iovec piece{buffer_.data(), buffer_.size()};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (message_.has_address && far_end_.kind != Meaning::Kind::none) {
      header.msg_name = &far_end_.address.storage;
      header.msg_namelen = far_end_.address.size;
    }
    if (first && !message_.control.empty()) {
      header.msg_control = const_cast<std::byte*>(message_.control.data());
      header.msg_controllen = message_.control.size();
    }
    const int once = first ? 0 : MSG_FASTOPEN;
    const int flags = (flags_ & ~(MSG_ZEROCOPY | once)) | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    // A try that does not wait would leave the connection half made.
    if (first && connects() && will_wait()) return wait_and_send(header, flags);
    const ssize_t sent = ::sendmsg(socket_.fd.get(), &header, flags | MSG_DONTWAIT);
    if (sent >= 0) return std::int64_t{sent};
    if (errno != EAGAIN || !will_wait()) return Errno::last();
    return wait_and_send(header, flags);
  }

  Answer wait_and_send(msghdr& header, int flags) {
    const Waiting waiting(call_.worker, call_.notification.call().id, call_.notification.tid());
    if (!waiting.granted()) return Errno{EAGAIN};
    for (;;) {
      const ssize_t sent = ::sendmsg(socket_.fd.get(), &header, flags & ~MSG_DONTWAIT);
      if (sent >= 0) return std::int64_t{sent};
      if (errno != EINTR || waiting.interrupted()) return Errno::last();
    }
  }

  /// SIGPIPE is for the caller, and only where the kernel would have sent it: on a stream, unless it was asked not to.
  Answer failed(int error) {
    if (error == EPIPE && socket_.kind.stream() && (flags_ & MSG_NOSIGNAL) == 0 && call_.notification.still_waiting()) {
      call_.caller.identity().own();
      ::syscall(SYS_tgkill, call_.caller.status().tgid, call_.notification.tid(), SIGPIPE);
    }
    return Errno{error};
  }

  Call& call_;
  Socket& socket_;
  const Outgoing& message_;
  const int flags_;
  const Refusal refusal_;
  FarEnd far_end_;
  std::vector<std::byte> buffer_;
};

void finish(Call& call, const Answer& outcome) {
  if (outcome.code() == EINTR && !call.notification.answered()) {
    (void)std::move(call.notification).restart_after_signal();
  } else {
    files::answer(call, outcome);
  }
}

/// access_ok() of the kernel, which cuts the size first.
bool is_in_user_space(std::uint64_t address, std::uint64_t size) {
  constexpr std::uint64_t end = 0x7ffffffff000;
  constexpr std::uint64_t most = INT_MAX & ~4095U;
  return address <= end && std::min(size, most) <= end - address;
}

Answer send_message(Call& call, std::uint64_t header, Socket& socket, int flags, Refusal refusal = Refusal::answer) {
  const Outgoing message = WARDER_GET(copy_message(call, header));
  return Sending(call, socket, message, flags, refusal).run();
}

/// Sends until one fails: its errno is told only where it is the first. A later one that is refused is asked for again by a
/// caller that goes on, and refused then as the first.
Answer send_messages(Call& call) {
  const Notification& asked = call.notification;
  if ((asked.int_argument(3) & compat_flag) != 0) return Errno{EINVAL};
  const std::uint64_t vector = asked.argument(1);
  const unsigned count = std::min(static_cast<unsigned>(asked.argument(2)), max_messages);
  Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
  unsigned sent = 0;
  for (; sent < count; ++sent) {
    const std::uint64_t header = vector + sent * sizeof(mmsghdr);
    const Answer one = send_message(call, header, socket, asked.int_argument(3), sent == 0 ? Refusal::answer : Refusal::keep);
    if (!one.ok() && sent == 0) return Errno{one.code()};
    if (!one.ok()) break;
    const auto size = static_cast<unsigned>(*one);
    const Outcome<void> told = call.caller.copy_out(header + offsetof(mmsghdr, msg_len), std::as_bytes(std::span(&size, 1)));
    if (!told.ok() && sent == 0) return Errno{told.code()};
    if (!told.ok()) break;
  }
  return std::int64_t{sent};
}

}  // namespace

void sendto(Call& call) {
  const Notification& asked = call.notification;
  const auto run = [&]() -> Answer {
    // The kernel looks at where the data lie, at the descriptor, and only then at the address.
    if (!is_in_user_space(asked.argument(1), asked.argument(2))) return Errno{EFAULT};
    Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
    const Outgoing message =
        WARDER_GET(copy_datagram(call, asked.argument(1), asked.argument(2), asked.argument(4), asked.int_argument(5)));
    return Sending(call, socket, message, asked.int_argument(3) & ~compat_flag).run();
  };
  finish(call, run());
}

void sendmsg(Call& call) {
  const Notification& asked = call.notification;
  const auto run = [&]() -> Answer {
    if ((asked.int_argument(2) & compat_flag) != 0) return Errno{EINVAL};
    Socket socket = WARDER_GET(take_socket(call, asked.int_argument(0)));
    return send_message(call, asked.argument(1), socket, asked.int_argument(2));
  };
  finish(call, run());
}

void sendmmsg(Call& call) { finish(call, send_messages(call)); }

}  // namespace warder::supervisor::network
