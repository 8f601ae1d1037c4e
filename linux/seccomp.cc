#include "linux/seccomp.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "linux/newer.h"

namespace warder::kernel {
namespace {

long install(std::span<const sock_filter> program, unsigned long flags) {
  // The kernel only reads the instructions; its struct merely lacks the const.
  sock_fprog filter{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
}

int add(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags, std::uint32_t flags, int place = 0) {
  seccomp_notif_addfd request{};
  request.id = id;
  request.flags = flags;
  request.srcfd = static_cast<std::uint32_t>(fd.get());
  request.newfd = static_cast<std::uint32_t>(place);
  request.newfd_flags = fd_flags;
  const int number = ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  return number >= 0 ? number : -errno;
}

}  // namespace

Result<void> install_filter(std::span<const sock_filter> program, unsigned flags) {
  if (install(program, flags) != 0) return Error::syscall("seccomp");
  return {};
}

Result<Fd> install_filter_with_listener(std::span<const sock_filter> program, unsigned flags) {
  const long listener = install(program, flags | SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener < 0) return Error::syscall("seccomp (new listener)");
  return Fd(static_cast<int>(listener));
}

bool set_sync_wake_up(BorrowedFd listener) {
  return ::ioctl(listener.get(), seccomp_ioctl_notif_set_flags, static_cast<std::uint64_t>(seccomp_fd_sync_wake_up)) == 0;
}

int receive_notification(BorrowedFd listener, seccomp_notif& request) {
  std::memset(&request, 0, sizeof request);
  return ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) == 0 ? 0 : errno;
}

int send_response(BorrowedFd listener, seccomp_notif_resp& response) {
  // A signal may break off only the wait for the listener's lock: nothing was sent then.
  while (::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int send_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) {
  const int number = add(listener, id, fd, fd_flags, SECCOMP_ADDFD_FLAG_SEND);
  return number >= 0 ? 0 : -number;
}

int add_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) {
  return add(listener, id, fd, fd_flags, 0);
}

int replace_descriptor(BorrowedFd listener, std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags) {
  const int result = add(listener, id, fd, fd_flags, SECCOMP_ADDFD_FLAG_SETFD, number);
  return result >= 0 ? 0 : -result;
}

bool notification_valid(BorrowedFd listener, std::uint64_t id) {
  return ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

}  // namespace warder::kernel
