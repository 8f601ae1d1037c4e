// The arguments of the four opening calls, brought into one form with the kernel's own checks (build_open_flags). Pure, except
// that openat2's are read from the caller.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "policy/core/rights.h"
#include "supervisor/outcome.h"

namespace warder::supervisor {
class Caller;
}

namespace warder::supervisor::files {

struct OpenRequest {
  int flags = 0;  ///< O_*
  mode_t mode = 0;
  std::uint64_t resolve = 0;  ///< RESOLVE_*

  [[nodiscard]] bool path_only() const;
  [[nodiscard]] bool temporary() const;
  [[nodiscard]] bool reads() const;
  [[nodiscard]] bool writes() const;
  /// What is asked of a file (not a directory) that is opened so, apart from its creation.
  [[nodiscard]] policy::Rights rights() const;
};

/// open, openat and creat: unknown flags are ignored, as ever. EINVAL for combinations that cannot be.
Outcome<OpenRequest> parse_open(std::uint64_t flags, std::uint64_t mode);

/// openat2's struct open_how, copied once. EINVAL, E2BIG, EFAULT; EAGAIN for RESOLVE_CACHED: the answer is never in the cache.
Outcome<OpenRequest> copy_open_how(Caller& caller, std::uint64_t address, std::uint64_t size);

}  // namespace warder::supervisor::files
