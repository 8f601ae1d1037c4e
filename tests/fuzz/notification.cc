// What the arguments of a trapped call point at, in the memory of a caller that means no good: lengths that do not fit, pages
// that are missing, bytes that change between two looks. Nothing but an errno or a copy within its bounds may come of it.
//
// Input: which decoder, where in the memory it starts, how many looks until the caller is dead; then the memory itself.
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "supervisor/dispatch.h"
#include "supervisor/files/open_request.h"
#include "supervisor/network/outgoing.h"
#include "supervisor/network/socket_argument.h"
#include "supervisor/workers.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/own_caller.h"

namespace {

using namespace warder;
using namespace warder::supervisor;

constexpr std::size_t page = 4096;

/// Two pages that can be read, and one that cannot behind them. A thread flips some of their bytes all the time.
class HostileMemory {
 public:
  HostileMemory() {
    void* address = ::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fuzz::require(address != MAP_FAILED);
    bytes_ = static_cast<std::uint8_t*>(address);
    fuzz::require(::mprotect(bytes_ + 2 * page, page, PROT_NONE) == 0);
    std::thread([this] { flip(); }).detach();
  }
  /// Pointers in it that are small numbers become addresses in it, so that a message leads to its parts.
  void fill(std::span<const std::uint8_t> content) {
    flipping_ = false;
    std::memset(bytes_, 0, 2 * page);
    std::memcpy(bytes_, content.data(), std::min(content.size(), 2 * page));
    for (std::size_t at = 0; at + 8 <= 2 * page; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes_ + at, sizeof word);
      if ((word >> 16U) != 0x7777) continue;
      word = address() + (word & 0x3fffU);
      std::memcpy(bytes_ + at, &word, sizeof word);
    }
    flipping_ = true;
  }
  [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(bytes_); }

 private:
  void flip() {
    for (unsigned turn = 0;; ++turn) {
      if (!flipping_) continue;
      __atomic_fetch_xor(bytes_ + turn * 8 % 256, static_cast<std::uint8_t>(turn * 37), __ATOMIC_RELAXED);
    }
  }
  std::uint8_t* bytes_ = nullptr;
  std::atomic<bool> flipping_{false};
};

void decode(fuzz::Input& input, Caller& caller, Call& call, std::uint64_t address) {
  switch (input.number<std::uint8_t>() % 5) {
    case 0: {
      PathText path;
      if (caller.copy_path(address, path).ok())
        fuzz::require(path.size() < PATH_MAX && path.view().find('\0') == std::string_view::npos);
      return;
    }
    case 1: {
      const auto request = files::copy_open_how(caller, address, input.number<std::uint16_t>());
      if (request.ok()) fuzz::require((request->mode & ~07777U) == 0 && (request->resolve & ~0x3fULL) == 0);
      return;
    }
    case 2: {
      const auto message = network::copy_message(call, address);
      if (!message.ok()) return;
      fuzz::require(message->address.size <= sizeof message->address.storage && message->passed.size() <= 253);
      std::vector<std::byte> piece(std::min<std::size_t>(message->pieces.total, 3 * page));
      (void)network::copy_data(call, message->pieces, input.number<std::uint16_t>(), piece);
      return;
    }
    case 3: {
      const auto message = network::copy_datagram(call, address, input.number<std::uint64_t>(),
                                                  address + input.number<std::uint16_t>(), input.number<std::int32_t>());
      if (message.ok()) fuzz::require(message->address.size <= sizeof message->address.storage);
      return;
    }
    default: {
      auto copy = network::copy_address(call, address, input.number<std::int32_t>());
      if (!copy.ok()) return;
      fuzz::require(copy->size <= sizeof copy->storage);
      (void)network::understand(*copy, {AF_INET, SOCK_STREAM, 0}, network::Purpose::connect);
      (void)network::understand(*copy, {AF_UNIX, SOCK_DGRAM, 0}, network::Purpose::send);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static HostileMemory memory;
  static fuzz::OwnCaller own;
  // The decoders look at the caller alone; a worker exists only in a pool, with threads and a listener.
  alignas(Worker) static std::byte no_worker[sizeof(Worker)];
  fuzz::Input input(data, size);
  fuzz::FakeKernel kernel;
  kernel.looks_left = input.number<std::uint8_t>() % 16;
  const std::uint64_t address = memory.address() + input.number<std::uint16_t>() % (3 * page);
  std::uint8_t choice[16];
  for (auto& byte : choice) byte = input.number<std::uint8_t>();
  memory.fill(input.rest());
  {
    Notification notification(kernel, own.call());
    Outcome<Caller> caller = own.look(notification);
    if (!caller.ok()) return 0;
    Call call{*reinterpret_cast<Worker*>(no_worker), notification, *caller};
    fuzz::Input rest(choice, sizeof choice);
    decode(rest, *caller, call, address);
  }
  fuzz::require(kernel.answers == 1 && kernel.last_error == EPERM);  // nobody has answered, so the last owner did
  return 0;
}
