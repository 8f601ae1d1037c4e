// Looking whether the caller has passed what it says. The host process of `create`, `run` and `exec`.
#include "runtime/commands/preserved_fds.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace warder::runtime {

Result<void> check_preserved_fds(std::uint32_t count) {
  for (std::uint32_t index = 0; index < count; ++index) {
    int number = STDERR_FILENO + 1 + static_cast<int>(index);
    if (::fcntl(number, F_GETFD) >= 0) continue;
    return Error::user(fmt::format("--preserve-fds {}: preserved-fd {} (descriptor {}) is not open", count, index, number));
  }
  return {};
}

}  // namespace warder::runtime
