// Standard output of a command.
#include <unistd.h>

#include "runtime/commands/verb.h"

namespace warder::runtime {

Result<void> print(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::syscall("write to standard output");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace warder::runtime
