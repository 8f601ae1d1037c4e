#include "supervisor/notification.h"

#include <fcntl.h>

#include "linux/seccomp.h"

namespace warder::supervisor {
namespace {

/// -ERESTARTSYS: not in the headers of user space, because only the kernel may act on it.
constexpr int restart_sys = 512;

}  // namespace

Outcome<TrappedCall> SeccompListener::receive() {
  seccomp_notif request;
  if (const int error = kernel::receive_notification(listener_, request); error != 0) return Errno{error};
  TrappedCall call;
  call.id = request.id;
  call.tid = static_cast<pid_t>(request.pid);
  call.number = request.data.nr;
  call.arch = request.data.arch;
  call.instruction_pointer = request.data.instruction_pointer;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) call.arguments[i] = request.data.args[i];
  return call;
}

int SeccompListener::send(std::uint64_t id, std::int64_t value, int error, bool run_by_kernel) {
  seccomp_notif_resp response{};
  response.id = id;
  response.val = run_by_kernel || error != 0 ? 0 : value;
  response.error = run_by_kernel ? 0 : -error;
  response.flags = run_by_kernel ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
  return kernel::send_response(listener_, response);
}

int SeccompListener::send_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) {
  return kernel::send_descriptor(listener_, id, fd, fd_flags);
}

int SeccompListener::add_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) {
  return kernel::add_descriptor(listener_, id, fd, fd_flags);
}

int SeccompListener::replace_fd(std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags) {
  return kernel::replace_descriptor(listener_, id, fd, number, fd_flags);
}

bool SeccompListener::valid(std::uint64_t id) { return kernel::notification_valid(listener_, id); }

Notification::~Notification() {
  if (kernel_ != nullptr) (void)answer(0, EPERM, false);
}

bool Notification::still_waiting() const { return kernel_ != nullptr && kernel_->valid(call_.id); }

Outcome<void> Notification::deny(int error) && { return answer(0, error > 0 ? error : EPERM, false); }

Outcome<void> Notification::return_value(std::int64_t value) && { return answer(value, 0, false); }

Outcome<void> Notification::restart_after_signal() && { return answer(0, restart_sys, false); }

Outcome<void> Notification::let_kernel_run() && { return answer(0, 0, true); }

Outcome<void> Notification::give_fd(Fd fd, CloseOnExec cloexec) && {
  if (kernel_ == nullptr) return Errno{EALREADY};
  if (!fd.valid()) return std::move(*this).deny(EPERM);
  const std::uint32_t flags = cloexec == CloseOnExec::yes ? O_CLOEXEC : 0;
  const int error = kernel_->send_fd(call_.id, fd, flags);
  if (error == 0) {
    kernel_ = nullptr;
    return {};
  }
  // Nothing was answered. ENOENT: nobody waits any more; everything else is what the caller's own table said.
  (void)answer(0, error == ENOENT ? EPERM : error, false);
  return Errno{error};
}

Outcome<void> Notification::replace_fd(BorrowedFd fd, int number, CloseOnExec cloexec) {
  if (kernel_ == nullptr) return Errno{EALREADY};
  const int error = kernel_->replace_fd(call_.id, fd, number, cloexec == CloseOnExec::yes ? O_CLOEXEC : 0);
  if (error != 0) return Errno{error};
  return {};
}

Outcome<void> Notification::hand_over(Fd fd, CloseOnExec cloexec) && {
  if (kernel_ == nullptr) return Errno{EALREADY};
  if (!fd.valid()) return std::move(*this).deny(EPERM);
  const int number = kernel_->add_fd(call_.id, fd, cloexec == CloseOnExec::yes ? O_CLOEXEC : 0);
  fd.reset();
  if (number >= 0) return answer(number, 0, false);
  (void)answer(0, number == -ENOENT ? EPERM : -number, false);
  return Errno{-number};
}

Outcome<void> Notification::answer(std::int64_t value, int error, bool run_by_kernel) {
  if (kernel_ == nullptr) return Errno{EALREADY};
  NotifyKernel& kernel = *std::exchange(kernel_, nullptr);
  if (const int failure = kernel.send(call_.id, value, error, run_by_kernel); failure != 0) return Errno{failure};
  return {};
}

}  // namespace warder::supervisor
