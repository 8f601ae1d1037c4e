// The fuzzer's own thread in the place of a trapped caller, and a fake in the place of the listener.
#pragma once

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/caller.h"
#include "supervisor/impersonation.h"
#include "supervisor/notification.h"
#include "tests/fuzz/input.h"

namespace warder::fuzz {

/// Counts answers: there must be exactly one for each notification.
class FakeKernel final : public supervisor::NotifyKernel {
 public:
  ~FakeKernel() override { require(answers == 0 || answers == 1); }
  int send(std::uint64_t /*id*/, std::int64_t value, int error, bool /*run_by_kernel*/) override {
    ++answers;
    last_error = error;
    last_value = value;
    return 0;
  }
  int send_fd(std::uint64_t /*id*/, BorrowedFd fd, std::uint32_t /*fd_flags*/) override {
    require(fd.valid());
    ++answers;
    return 0;
  }
  int add_fd(std::uint64_t /*id*/, BorrowedFd fd, std::uint32_t /*fd_flags*/) override {
    require(fd.valid());
    return 3;
  }
  bool valid(std::uint64_t /*id*/) override { return looks_left == 0 || --looks_left > 0; }

  int answers = 0;
  int last_error = 0;
  std::int64_t last_value = 0;
  int looks_left = 0;  ///< after so many looks the caller is dead; 0: never
};

class OwnCaller {
 public:
  OwnCaller() : procfs_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)), cache_(procfs_) {
    require(procfs_.valid() && identity_.begin().ok());
  }
  [[nodiscard]] supervisor::TrappedCall call() const {
    supervisor::TrappedCall call;
    call.id = 1;
    call.tid = static_cast<pid_t>(::syscall(SYS_gettid));
    call.arch = AUDIT_ARCH_X86_64;
    return call;
  }
  supervisor::Outcome<supervisor::Caller> look(supervisor::Notification& notification) {
    return supervisor::Caller::look(notification, cache_, identity_, supervisor::Facts::all);
  }

 private:
  Fd procfs_;
  supervisor::CallerCache cache_;
  supervisor::ThreadIdentity identity_;
};

}  // namespace warder::fuzz
