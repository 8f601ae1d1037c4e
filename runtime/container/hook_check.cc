// Looking at hook files and at the way to them. P0.
#include "runtime/container/hook_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config/node.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;
constexpr uid_t overflow_uid = 65534;

/// Inside a user namespace root of the machine is nobody's number.
bool machine_root_is_hidden() {
  auto map = read_text_file(BorrowedFd(AT_FDCWD), "/proc/self/uid_map");
  return map.ok() && map->find("4294967295") == std::string::npos;
}

bool ours(uid_t owner) { return owner == 0 || owner == ::geteuid() || (owner == overflow_uid && machine_root_is_hidden()); }

std::string directory_objection(const std::string& directory, const struct stat& status) {
  if (!ours(status.st_uid)) return fmt::format("a path whose directories are root's or the caller's; '{}' is not", directory);
  const bool open = (status.st_mode & writable_by_others) != 0 && (status.st_mode & S_ISVTX) == 0;
  if (open) return fmt::format("a path that nobody else can change; '{}' is writable by others", directory);
  return {};
}

/// The components of a path, the last one first.
std::vector<std::string> components_reversed(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (!name.empty() && name != ".") out.emplace_back(name);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Result<std::string> link_target(const std::string& link) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return Error::syscall("readlink");
  target.resize(static_cast<std::size_t>(size));
  return target;
}

std::string missing() { return fmt::format("a file that exists ({})", ::strerror(errno)); }

/// Walks a path as the kernel does and looks at all that decides where it ends: each directory, and each symbolic link, which
/// counts as much as whoever may replace it. `status` is then that of the file.
std::string way_objection(std::string_view path, struct stat& status) {
  constexpr int most_links = 40;  // the kernel's
  int links = 0;
  std::vector<std::string> ahead = components_reversed(path);
  std::string here;  // "" is the root
  if (::lstat("/", &status) != 0) return missing();
  while (!ahead.empty()) {
    std::string objection = directory_objection(here.empty() ? "/" : here, status);
    if (!objection.empty()) return objection;
    const std::string name = std::move(ahead.back());
    ahead.pop_back();
    const std::string next = name == ".." ? here.substr(0, here.empty() ? 0 : here.rfind('/')) : here + "/" + name;
    if (::lstat(next.empty() ? "/" : next.c_str(), &status) != 0) return missing();
    if (!S_ISLNK(status.st_mode)) {
      here = next;
      continue;
    }
    if (!ours(status.st_uid)) return fmt::format("a path whose symbolic links are root's or the caller's; '{}' is not", next);
    if (++links > most_links) return fmt::format("a file that exists ({})", ::strerror(ELOOP));
    Result<std::string> target = link_target(next);
    if (!target) return missing();
    if (target->starts_with('/')) here.clear();
    for (std::string& component : components_reversed(*target)) ahead.push_back(std::move(component));
    if (::lstat(here.empty() ? "/" : here.c_str(), &status) != 0) return missing();
  }
  return {};
}

std::string file_objection(const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "a regular file";
  if (!ours(status.st_uid)) return "a file of root's or the caller's";
  if ((status.st_mode & writable_by_others) != 0) return "a file that only its owner can write";
  if ((status.st_mode & (S_ISUID | S_ISGID)) != 0) return "a file without setuid and setgid";
  if ((status.st_mode & S_IXUSR) == 0) return "an executable file (permission denied)";
  return {};
}

void check_list(const char* kind, const std::vector<Hook>& hooks, Complaints& complaints) {
  for (std::size_t index = 0; index < hooks.size(); ++index) {
    std::string objection = hook_objection(hooks[index].path);
    if (objection.empty()) continue;
    complaints.add(fmt::format("hooks.{}[{}].path", kind, index), "\"" + hooks[index].path + "\"", objection);
  }
}

}  // namespace

std::string hook_objection(const std::string& path) {
  if (!path.starts_with('/')) return "an absolute path";
  struct stat status {};
  std::string objection = way_objection(path, status);
  return objection.empty() ? file_objection(status) : objection;
}

Result<void> check_hooks(const Hooks& hooks) {
  Complaints complaints;
  check_list("prestart", hooks.prestart, complaints);
  check_list("createRuntime", hooks.create_runtime, complaints);
  check_list("createContainer", hooks.create_container, complaints);
  check_list("poststart", hooks.poststart, complaints);
  check_list("poststop", hooks.poststop, complaints);
  if (complaints.empty()) return {};
  return complaints.error("config.json").with("hook refused (warder.yaml: hooks: {check: off} relaxes this)");
}

}  // namespace warder::runtime
