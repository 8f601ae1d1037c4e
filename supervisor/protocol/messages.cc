#include "supervisor/protocol/messages.h"

#include <unistd.h>

#include "linux/socket.h"
#include "supervisor/protocol/wire.h"

namespace warder::supervisor {
namespace {

constexpr std::size_t max_datagram = sizeof(std::uint32_t) * 2 + sizeof(std::uint64_t) + max_message_text;

std::vector<std::byte> encode(const Message& message) {
  WireWriter wire;
  wire.number(static_cast<std::uint32_t>(message.type));
  wire.number(message.number);
  wire.text(std::string_view(message.text).substr(0, max_message_text));
  return wire.take();
}

Result<Message> decode(std::span<const std::byte> datagram) {
  if (datagram.empty()) return Error(Fault::environment, "closed");
  WireReader wire(datagram);
  std::uint32_t type = 0;
  Message message;
  wire.number(type);
  wire.number(message.number);
  wire.text(message.text);
  const bool known =
      type >= static_cast<std::uint32_t>(MessageType::ready) && type <= static_cast<std::uint32_t>(MessageType::done);
  if (wire.failed() || !wire.at_end() || !known) return Error::bug("malformed message between warder and warder-init");
  message.type = static_cast<MessageType>(type);
  return message;
}

}  // namespace

Result<void> send_message(BorrowedFd socket, const Message& message) {
  std::vector<int> numbers;
  numbers.reserve(message.fds.size());
  for (const Fd& fd : message.fds) numbers.push_back(fd.get());
  return kernel::send_with_fds(socket, encode(message), numbers);
}

Result<void> write_message(BorrowedFd socket, const Message& message) {
  if (!message.fds.empty()) return Error::bug("write: descriptors cannot travel by write");
  const std::vector<std::byte> datagram = encode(message);
  ssize_t written = 0;
  do {
    written = ::write(socket.get(), datagram.data(), datagram.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) return Error::syscall("write");
  return {};
}

Result<Message> receive_message(BorrowedFd socket) {
  std::vector<std::byte> buffer(max_datagram);
  kernel::ReceivedDatagram received = WARDER_TRY(kernel::receive_with_fds(socket, buffer));
  Message message = WARDER_TRY(decode(std::span(buffer).first(received.size)));
  message.fds = std::move(received.fds);
  message.sender = received.sender;
  return message;
}

Result<Message> read_message(BorrowedFd socket) {
  std::vector<std::byte> buffer(max_datagram);
  ssize_t size = 0;
  do {
    size = ::read(socket.get(), buffer.data(), buffer.size());
  } while (size < 0 && errno == EINTR);
  if (size < 0) return Error::syscall("read");
  return decode(std::span(buffer).first(static_cast<std::size_t>(size)));
}

}  // namespace warder::supervisor
