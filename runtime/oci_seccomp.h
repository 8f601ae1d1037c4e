// linux.seccomp of config.json -> a BPF program, by libseccomp. The host process of `create`; no privileges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

struct SeccompProgram {
  std::vector<std::byte> filter;  ///< struct sock_filter[]
  std::uint32_t flags = 0;        ///< SECCOMP_FILTER_FLAG_* for seccomp(2)
};

/// True where a call is for a notification agent: the filter needs a listener then.
[[nodiscard]] bool notifies(const Seccomp& config);

/// Compiles the engine's filter.
///
/// Names of system calls that this libseccomp does not know are skipped, as everywhere: profiles list calls of all kernels. A
/// number beyond the last one known to libseccomp answers ENOSYS instead of the default errno, so that a C library falls back to
/// an older call (runc does the same). The program decides for the native architecture and for those that config.json lists.
Result<SeccompProgram> compile_seccomp(const Seccomp& config);

/// The same, remembered in `directory` by the hash of the configuration: libseccomp takes milliseconds for an engine's default
/// profile. A cache that cannot be read or written is no error.
Result<SeccompProgram> compile_seccomp_cached(const Seccomp& config, const std::string& directory);

}  // namespace warder::runtime
