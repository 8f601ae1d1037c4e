#include "linux/facts.h"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "linux/landlock.h"

namespace warder {
namespace {

// Every kernel that knows the flag says EFAULT about a missing program, one that does not says EINVAL.
bool knows_filter_flags(unsigned flags) {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) == -1 && errno == EFAULT;
}

bool knows_noexec_seal() {
  constexpr unsigned noexec_seal = 0x8;  // MFD_NOEXEC_SEAL, Linux 6.3
  const int fd = static_cast<int>(::syscall(SYS_memfd_create, "warder-probe", MFD_CLOEXEC | noexec_seal));
  if (fd < 0) return false;
  ::close(fd);
  return true;
}

}  // namespace

KernelFacts probe_kernel() {
  KernelFacts facts;
  facts.landlock_abi = kernel::landlock_abi();
  facts.user_notify = knows_filter_flags(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  facts.memfd_noexec = knows_noexec_seal();
  return facts;
}

}  // namespace warder
