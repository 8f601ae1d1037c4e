#include "supervisor/network/unix_bind.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "linux/credentials.h"
#include "linux/landlock.h"
#include "supervisor/process/locked.h"
#include "supervisor/process/thread.h"

namespace warder::supervisor::network {
namespace {

constexpr std::size_t stack_size = 64 * 1024;

/// What the binding thread is given, and how it reports. Lives on the worker's stack, which waits for it.
struct Order {
  BorrowedFd socket;
  const SocketAddress& address;
  BorrowedFd allowed;    ///< the directory that was judged
  BorrowedFd root;       ///< the caller's root directory where it has its own, else invalid
  BorrowedFd directory;  ///< the caller's current directory
  mode_t umask;
  int error = EPERM;
  bool finished = false;
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t done = PTHREAD_COND_INITIALIZER;
};

Result<void> confine_to(BorrowedFd directory) {
  auto ruleset = WARDER_TRY(kernel::LandlockRuleset::create(LANDLOCK_ACCESS_FS_MAKE_SOCK, 0, 0));
  WARDER_TRY(ruleset.allow_path(directory, LANDLOCK_ACCESS_FS_MAKE_SOCK));
  return ruleset.restrict_self();
}

/// The thread was born with the worker's credentials: it is the caller, but for root, cwd and umask, which it makes its own here.
int carry_out(const Order& order) {
  if (!kernel::own_fs_state().ok() || !confine_to(order.allowed).ok()) return EPERM;
  ::umask(order.umask);
  if (order.root.valid() && (::fchdir(order.root.get()) != 0 || ::chroot(".") != 0)) return EPERM;
  if (::fchdir(order.directory.get()) != 0) return errno;
  return ::bind(order.socket.get(), order.address.get(), order.address.size) == 0 ? 0 : errno;
}

void* run(void* argument) {
  auto& order = *static_cast<Order*>(argument);
  const int error = carry_out(order);
  Locked locked(order.mutex);
  order.error = error;
  order.finished = true;
  ::pthread_cond_signal(&order.done);
  return nullptr;
}

int bind_in_own_thread(Order& order) {
  if (!start_thread(run, &order, stack_size).ok()) return EAGAIN;
  Locked locked(order.mutex);
  while (!order.finished) locked.wait(order.done);
  return order.error;
}

/// Relative to the judged directory: race-free, but the socket's name is the last component.
int bind_relative(const Socket& socket, const Place& place) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.last.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, place.last.c_str(), place.last.size());
  if (::fchdir(place.directory.fd.get()) != 0) return errno;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.last.size() + 1);
  return ::bind(socket.fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 ? 0 : errno;
}

}  // namespace

int bind_to_path(Call& call, const Socket& socket, const SocketAddress& address, const Place& place) {
  static const bool landlock = kernel::landlock_abi() > 0;
  if (!landlock) return bind_relative(socket, place);
  Fd root;
  if (call.caller.status().own_root) {
    Outcome<Fd> taken = call.caller.take_root();
    if (!taken.ok()) return taken.code();
    root = *std::move(taken);
  }
  const Outcome<Fd> directory = call.caller.take_path(AT_FDCWD);
  if (!directory.ok()) return directory.code();
  if (const Outcome<void> acting = call.caller.act(); !acting.ok()) return acting.code();
  Order order{.socket = socket.fd,
              .address = address,
              .allowed = place.directory.fd,
              .root = root,
              .directory = *directory,
              .umask = call.caller.credentials().umask};
  return bind_in_own_thread(order);
}

}  // namespace warder::supervisor::network
