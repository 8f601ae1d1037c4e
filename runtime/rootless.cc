// Telling root from a user. The host process of a command.
#include "runtime/rootless.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "runtime/text_file.h"

namespace warder::runtime {

Result<bool> is_rootless(std::string_view word) {
  if (word == "true") return true;
  if (word == "false") return false;
  if (word != "auto" && !word.empty()) return Error::user(fmt::format("--rootless '{}'; accepted: true, false or auto", word));
  if (::geteuid() != 0) return true;
  auto map = read_text_file(BorrowedFd(AT_FDCWD), "/proc/self/uid_map");
  // Only the initial user namespace maps all 2^32-1 ids.
  return map.ok() && map->find("4294967295") == std::string::npos;
}

}  // namespace warder::runtime
