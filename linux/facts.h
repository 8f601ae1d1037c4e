// What the running kernel can enforce, as a value. Probed once by the runtime; tests make their own.
#pragma once

namespace warder {

struct KernelFacts {
  int landlock_abi = 0;       ///< 0: no Landlock, or not in the list of active LSMs
  bool user_notify = false;   ///< seccomp user notification with ADDFD_SEND and WAIT_KILLABLE_RECV (5.19)
  bool memfd_noexec = false;  ///< MFD_NOEXEC_SEAL (6.3)
};

/// Asks the kernel. No privileges needed; leaves nothing behind. An old kernel gives false, not an error.
[[nodiscard]] KernelFacts probe_kernel();

}  // namespace warder
