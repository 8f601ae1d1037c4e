#include "supervisor/network/outgoing.h"

#include <netinet/in.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <span>

namespace warder::supervisor::network {
namespace {

constexpr std::size_t max_pieces = 1024;            // UIO_MAXIOV
constexpr std::size_t max_control = 128 * 1024;     // net.core.optmem_max since Linux 6.9
constexpr std::size_t max_passed = 253;             // SCM_MAX_FD
constexpr std::size_t max_copy = 64 * 1024;         // of one look at a caller's memory
constexpr std::size_t max_total = INT_MAX & ~4095;  // MAX_RW_COUNT

Outcome<void> copy_pieces(Call& call, std::uint64_t address, std::size_t count, Pieces& pieces) {
  if (count > max_pieces) return Errno{EMSGSIZE};
  pieces.list.resize(count);
  if (count == 0) return {};
  WARDER_GET(call.caller.copy_in(address, std::as_writable_bytes(std::span(pieces.list))));
  for (iovec& piece : pieces.list) {
    if (static_cast<std::ptrdiff_t>(piece.iov_len) < 0) return Errno{EINVAL};
    piece.iov_len = std::min(piece.iov_len, max_total - pieces.total);
    pieces.total += piece.iov_len;
  }
  return {};
}

/// The caller's descriptors in one SCM_RIGHTS message become ours.
Outcome<void> take_passed(Call& call, std::byte* numbers, std::size_t count, Outgoing& message) {
  if (message.passed.size() + count > max_passed) return Errno{EINVAL};
  for (std::size_t index = 0; index < count; ++index) {
    int number = -1;
    std::memcpy(&number, numbers + index * sizeof number, sizeof number);
    Fd file = WARDER_GET(call.caller.take_fd(number));
    number = file.get();
    std::memcpy(numbers + index * sizeof number, &number, sizeof number);
    message.passed.push_back(std::move(file));
  }
  return {};
}

/// The kernel lets a process name itself only: PID 1 is the sender, so its own pid stands there, whatever the caller wrote.
Outcome<void> own_credentials(Call& call, std::byte* content) {
  ucred credentials{};
  std::memcpy(&credentials, content, sizeof credentials);
  const CallerStatus& status = call.caller.status();
  const bool own = std::find(status.process.pid.begin(), status.process.pid.begin() + static_cast<long>(status.process.levels),
                             credentials.pid) != status.process.pid.begin() + static_cast<long>(status.process.levels);
  if (!own) return Errno{EPERM};
  credentials.pid = ::getpid();
  std::memcpy(content, &credentials, sizeof credentials);
  return {};
}

/// A source route sends the packet to its first hop instead of the address that is judged.
bool is_source_route(const cmsghdr& header) {
  if (header.cmsg_level == IPPROTO_IP) return header.cmsg_type == IP_RETOPTS;
  return header.cmsg_level == IPPROTO_IPV6 && (header.cmsg_type == IPV6_RTHDR || header.cmsg_type == IPV6_2292RTHDR);
}

Outcome<void> translate_control(Call& call, Outgoing& message) {
  std::size_t offset = 0;
  while (message.control.size() - offset >= sizeof(cmsghdr)) {
    cmsghdr header{};
    std::memcpy(&header, message.control.data() + offset, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > message.control.size() - offset) return Errno{EINVAL};
    std::byte* content = message.control.data() + offset + CMSG_LEN(0);
    const std::size_t size = header.cmsg_len - CMSG_LEN(0);
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) {
      WARDER_GET(take_passed(call, content, size / sizeof(int), message));
    } else if (is_source_route(header)) {
      return Errno{EPERM};
    } else if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS) {
      if (size != sizeof(ucred)) return Errno{EINVAL};
      WARDER_GET(own_credentials(call, content));
    }
    const std::size_t step = CMSG_ALIGN(header.cmsg_len);
    if (step > message.control.size() - offset) break;
    offset += step;
  }
  return {};
}

}  // namespace

Outcome<Outgoing> copy_message(Call& call, std::uint64_t address) {
  msghdr header{};
  WARDER_GET(call.caller.copy_in(address, std::as_writable_bytes(std::span(&header, 1))));
  Outgoing message;
  const auto name_size = static_cast<int>(header.msg_namelen);
  if (name_size < 0) return Errno{EINVAL};
  if (header.msg_name != nullptr && name_size > 0) {
    constexpr int largest = sizeof(sockaddr_storage);  // the kernel cuts a longer one
    message.address =
        WARDER_GET(copy_address(call, reinterpret_cast<std::uint64_t>(header.msg_name), std::min(name_size, largest)));
    message.has_address = true;
  }
  WARDER_GET(copy_pieces(call, reinterpret_cast<std::uint64_t>(header.msg_iov), header.msg_iovlen, message.pieces));
  if (header.msg_controllen > 0) {
    if (header.msg_controllen > max_control) return Errno{ENOBUFS};
    message.control.resize(header.msg_controllen);
    WARDER_GET(call.caller.copy_in(reinterpret_cast<std::uint64_t>(header.msg_control), message.control));
    WARDER_GET(translate_control(call, message));
  }
  WARDER_GET(call.caller.act_on_files());
  return message;
}

Outcome<Outgoing> copy_datagram(Call& call, std::uint64_t data, std::uint64_t size, std::uint64_t address,
                                std::int64_t address_size) {
  Outgoing message;
  message.pieces.total = std::min<std::uint64_t>(size, max_total);
  message.pieces.list.push_back({reinterpret_cast<void*>(data), message.pieces.total});  // NOLINT(performance-no-int-to-ptr)
  if (address != 0) {
    message.address = WARDER_GET(copy_address(call, address, address_size));
    message.has_address = message.address.size > 0;
  }
  WARDER_GET(call.caller.act_on_files());
  return message;
}

Outcome<void> copy_data(Call& call, const Pieces& pieces, std::size_t offset, std::span<std::byte> into) {
  for (const iovec& piece : pieces.list) {
    if (into.empty()) break;
    if (offset >= piece.iov_len) {
      offset -= piece.iov_len;
      continue;
    }
    const std::size_t end = offset + std::min(piece.iov_len - offset, into.size());
    while (offset < end) {
      const std::size_t size = std::min(end - offset, max_copy);
      WARDER_GET(call.caller.copy_in(reinterpret_cast<std::uint64_t>(piece.iov_base) + offset, into.first(size)));
      into = into.subspan(size);
      offset += size;
    }
    offset = 0;
  }
  return {};
}

}  // namespace warder::supervisor::network
