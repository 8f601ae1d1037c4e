// Sysctls through a private procfs. P2, in the namespaces whose values it sets.
#include "runtime/container/sysctl.h"

#include <fcntl.h>

#include <algorithm>

#include "linux/mount.h"
#include "linux/open.h"

namespace warder::runtime {

Result<std::string> sysctl_path(std::string_view key) {
  std::string path = "sys/";
  std::size_t first = key.find_first_of("./");
  bool slashes = first != std::string_view::npos && key[first] == '/';
  char separator = slashes ? '/' : '.';
  bool empty_part = true;
  std::string part;
  for (char letter : key) {
    if (letter == separator) {
      if (empty_part || part == ".." || part == ".")
        return Error::user("sysctl '" + std::string(key) + "': no such key can exist");
      part.clear();
      empty_part = true;
      path += '/';
      continue;
    }
    // As sysctl(8): in the dotted form a slash stands for a dot inside a name.
    path += !slashes && letter == '/' ? '.' : letter;
    part += letter;
    empty_part = false;
  }
  if (empty_part || part == ".." || part == ".") return Error::user("sysctl '" + std::string(key) + "': no such key can exist");
  return path;
}

Result<void> write_sysctls(const std::map<std::string, std::string>& sysctls) {
  if (sysctls.empty()) return {};
  kernel::FilesystemContext filesystem = WARDER_TRY_WITH(kernel::FilesystemContext::open("proc"), "sysctl");
  Fd procfs = WARDER_TRY_WITH(filesystem.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), "sysctl");
  for (const auto& [key, value] : sysctls) {
    std::string path = WARDER_TRY(sysctl_path(key));
    if (value.find('\n') != std::string::npos) return Error::user("sysctl '" + key + "': a value is one line");
    Fd file = WARDER_TRY_WITH(kernel::open_beneath(procfs, path, O_WRONLY), "sysctl '" + key + "'");
    WARDER_TRY_WITH(kernel::write_once(file, value), "sysctl '" + key + "'");
  }
  return {};
}

}  // namespace warder::runtime
