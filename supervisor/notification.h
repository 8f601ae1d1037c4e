// One trapped system call and its single answer. Workers of PID 1; needs only the listener.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>

#include "linux/fd.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {

/// What the kernel said about a trapped call. Everything here is a copy that the workload cannot change any more.
struct TrappedCall {
  std::uint64_t id = 0;
  pid_t tid = 0;  ///< of the calling THREAD, in PID 1's own PID namespace
  int number = -1;
  std::uint32_t arch = 0;
  std::uint64_t instruction_pointer = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// The kernel's side of a listener: the seam at which unit tests put a fake.
class NotifyKernel {
 public:
  virtual ~NotifyKernel() = default;
  /// Answers with `value`, or with -`error` where error is not 0, or lets the kernel run the call. Returns 0 or an errno; ENOENT
  /// where the caller is gone.
  virtual int send(std::uint64_t id, std::int64_t value, int error, bool run_by_kernel) = 0;
  /// Installs a copy of `fd` in the caller and makes its number the answer, in one step. Returns 0 or an errno.
  virtual int send_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) = 0;
  /// Installs a copy of `fd` in the caller. Returns its number there, or -errno.
  virtual int add_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) = 0;
  /// Puts a copy of `fd` in the place of the caller's descriptor `number`, closing what is there. Returns 0 or an errno.
  virtual int replace_fd(std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags) = 0;
  /// Whether the caller still waits in this very call.
  virtual bool valid(std::uint64_t id) = 0;
};

/// The listener of a seccomp filter. Linux 5.14.
class SeccompListener final : public NotifyKernel {
 public:
  explicit SeccompListener(BorrowedFd listener) : listener_(listener) {}

  /// Waits for the next trapped call. ENOENT where the caller died between the trap and the answer (ask again), EINTR on a
  /// signal, EBADF-like errors and ENODEV where nobody uses the filter any more.
  Outcome<TrappedCall> receive();

  int send(std::uint64_t id, std::int64_t value, int error, bool run_by_kernel) override;
  int send_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) override;
  int add_fd(std::uint64_t id, BorrowedFd fd, std::uint32_t fd_flags) override;
  int replace_fd(std::uint64_t id, BorrowedFd fd, int number, std::uint32_t fd_flags) override;
  bool valid(std::uint64_t id) override;

 private:
  BorrowedFd listener_;
};

enum class CloseOnExec : std::uint8_t { no, yes };

/// One syscall of the workload, frozen by the kernel until it is answered.
///
/// Exactly one answer leaves this object; destroyed unanswered, it answers EPERM, so a forgotten path reads as "no" (law 4).
/// While it is held the caller may die, its pid may be reused and its memory be rewritten by a sibling: call still_waiting()
/// after every look at the caller and decide only on copies (laws 1 and 5). An answer whose Outcome is ENOENT found the caller
/// gone: undo what can be undone. Needs Linux 5.14 (SECCOMP_ADDFD_FLAG_SEND).
class [[nodiscard]] Notification {
 public:
  Notification(NotifyKernel& kernel, const TrappedCall& call) : kernel_(&kernel), call_(call) {}
  Notification(Notification&& other) noexcept : kernel_(std::exchange(other.kernel_, nullptr)), call_(other.call_) {}
  Notification& operator=(Notification&&) = delete;
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;
  ~Notification();

  [[nodiscard]] const TrappedCall& call() const { return call_; }
  [[nodiscard]] int number() const { return call_.number; }
  [[nodiscard]] pid_t tid() const { return call_.tid; }
  [[nodiscard]] std::uint64_t argument(std::size_t index) const { return call_.arguments[index]; }
  /// An argument that the kernel declares as int (a dirfd, flags): its upper half is ignored, as the kernel does.
  [[nodiscard]] int int_argument(std::size_t index) const { return static_cast<int>(call_.arguments[index]); }

  [[nodiscard]] bool answered() const { return kernel_ == nullptr; }
  [[nodiscard]] bool still_waiting() const;

  /// The call fails with this errno.
  Outcome<void> deny(int error) &&;
  /// The call returns this number.
  Outcome<void> return_value(std::int64_t value) &&;
  /// The call returns a descriptor: a copy of `fd` at the caller's lowest free number, installed and answered in one step. Where
  /// the caller's table is full the answer is the kernel's errno (EMFILE), as natively.
  Outcome<void> give_fd(Fd fd, CloseOnExec cloexec) &&;
  /// The same for what must not be open twice even for a moment, because its last close means something: files open for writing
  /// (ETXTBSY), FIFOs, terminals. PID 1's copy is closed before the caller goes on. Two more context switches.
  Outcome<void> hand_over(Fd fd, CloseOnExec cloexec) &&;
  /// The caller's descriptor `number` becomes a copy of `fd`, as by dup3(2); the call still waits for its answer.
  Outcome<void> replace_fd(BorrowedFd fd, int number, CloseOnExec cloexec);
  /// The call is interrupted by a signal that waits for the caller: EINTR for the program, or run again, as SA_RESTART says.
  Outcome<void> restart_after_signal() &&;
  /// Lets the kernel run the call with whatever its arguments are NOW. Only for verdicts that read no memory of the caller, or
  /// where a kernel mechanism named at the place of use is the real limit.
  Outcome<void> let_kernel_run() &&;

 private:
  Outcome<void> answer(std::int64_t value, int error, bool run_by_kernel);

  NotifyKernel* kernel_;  ///< nullptr once answered or moved from
  TrappedCall call_;
};

}  // namespace warder::supervisor
