// Looking at hook files and at the way to them. P0.
#include "runtime/container/hook_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

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

/// The directories above a path, "/" included.
template <class Visit>
std::string each_directory(std::string_view path, Visit visit) {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    std::string directory(path.substr(0, std::max<std::size_t>(slash, 1)));
    struct stat status {};
    if (::lstat(directory.c_str(), &status) != 0) continue;
    std::string objection = visit(directory, status);
    if (!objection.empty()) return objection;
  }
  return {};
}

std::string directory_objection(const std::string& directory, const struct stat& status) {
  if (!ours(status.st_uid)) return fmt::format("a path whose directories are root's or the caller's; '{}' is not", directory);
  bool open = !S_ISLNK(status.st_mode) && (status.st_mode & writable_by_others) != 0 && (status.st_mode & S_ISVTX) == 0;
  if (open) return fmt::format("a path that nobody else can change; '{}' is writable by others", directory);
  return {};
}

bool may_be_link(const std::string& path, const struct stat& status) {
  constexpr std::array<std::string_view, 7> system = {"/bin/", "/sbin/", "/usr/", "/lib/", "/lib64/", "/opt/", "/proc/"};
  return status.st_uid == 0 &&
         std::any_of(system.begin(), system.end(), [&](std::string_view prefix) { return path.starts_with(prefix); });
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
  if (::lstat(path.c_str(), &status) != 0) return fmt::format("a file that exists ({})", ::strerror(errno));
  std::string objection = each_directory(path, directory_objection);
  if (!objection.empty()) return objection;
  if (S_ISLNK(status.st_mode)) {
    if (!may_be_link(path, status)) return "a file and not a symbolic link";
    std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
    if (resolved == nullptr) return fmt::format("a file that exists ({})", ::strerror(errno));
    objection = each_directory(resolved.get(), directory_objection);
    if (!objection.empty()) return objection;
    if (::stat(path.c_str(), &status) != 0) return fmt::format("a file that exists ({})", ::strerror(errno));
  }
  return file_objection(status);
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
