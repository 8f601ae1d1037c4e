// A datagram of the protocol between warder, PID 1 and the workload, as anyone might write it.
#include <sys/socket.h>

#include "supervisor/protocol/messages.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace warder;
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  Fd writer(ends[0]);
  Fd reader(ends[1]);
  for (bool by_read : {false, true}) {
    if (::send(writer.get(), data, size, MSG_NOSIGNAL | MSG_DONTWAIT) != static_cast<ssize_t>(size) || size == 0) return 0;
    auto message = by_read ? supervisor::read_message(reader) : supervisor::receive_message(reader);
    if (!message.ok()) continue;
    fuzz::require(message->text.size() <= supervisor::max_message_text);
    fuzz::require(supervisor::write_message(writer, *message).ok());
    auto again = supervisor::receive_message(reader);
    fuzz::require(again.ok() && again->type == message->type && again->number == message->number && again->text == message->text);
  }
  return 0;
}
