#include "policy/lookup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "linux/fd.h"

namespace warder::policy {
namespace {

constexpr std::string_view system_directory = "/etc/warder/profiles";
constexpr std::string_view stock_directory = "/usr/share/warder/profiles";
constexpr std::string_view system_config = "/etc/warder/warder.yaml";
constexpr std::array<std::string_view, 3> reserved = {"mandatory", "default", "base"};

FileText refused(std::shared_ptr<const std::string> file, std::string why) {
  FileText text;
  text.state = FileText::State::refused;
  text.file = std::move(file);
  text.findings.push_back({Source{text.file, 0, 0}, std::move(why), false});
  return text;
}

/// The symbolic name: podman guesses exit codes from strerror's words.
std::string errno_name(int code) {
  const char* name = strerrorname_np(code);
  return name != nullptr ? name : std::to_string(code);
}

/// True where this process sees files of unmapped owners as the overflow user: in a user namespace with a partial map, as
/// rootless engines make it, root's own files look like that.
bool sees_unmapped_owners() {
  const Fd map(open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const ssize_t size = map ? read(map.get(), text.data(), text.size() - 1) : -1;
  unsigned inside = 1;
  unsigned outside = 1;
  unsigned count = 0;
  if (size <= 0 || sscanf(text.data(), "%u %u %u", &inside, &outside, &count) != 3) return false;
  return inside != 0 || outside != 0 || count != 4294967295U;
}

/// Why the owner of `status` may not provide it, or "".
std::string ownership_fault(const struct stat& status, std::string_view what) {
  constexpr uid_t overflow_uid = 65534;
  const bool unmapped = status.st_uid == overflow_uid && sees_unmapped_owners();
  if (status.st_uid != 0 && status.st_uid != geteuid() && !unmapped) {
    return std::string(what) + " belongs to uid " + std::to_string(status.st_uid) + "; accepted: root or the caller (uid " +
           std::to_string(geteuid()) + ")";
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return std::string(what) + " may be written by others; accepted: writable by its owner alone (chmod go-w)";
  }
  return "";
}

FileText read_all(const Fd& fd, const std::shared_ptr<const std::string>& file) {
  constexpr std::size_t most_bytes = 1U << 20U;
  FileText text;
  text.file = file;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return refused(file, "cannot be read (" + errno_name(errno) + ")");
    if (size == 0) break;
    text.text.append(buffer.data(), static_cast<std::size_t>(size));
    if (text.text.size() > most_bytes) return refused(file, "is larger than 1 MiB");
  }
  text.state = FileText::State::found;
  return text;
}

/// The directory, opened; invalid with errno where it cannot be.
Fd open_directory(const std::string& directory) { return Fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

FileText directory_failure(const std::string& directory, int code) {
  if (code == ENOENT) return {};
  return refused(std::make_shared<const std::string>(directory), "cannot be opened as a directory (" + errno_name(code) + ")");
}

std::string build_tree_profiles() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) return "";
  std::string directory(path.data(), static_cast<std::size_t>(size));
  if (directory.starts_with("/usr/")) return "";
  for (int level = 0; level < 3; ++level) directory.resize(std::min(directory.find_last_of('/'), directory.size()));
  directory += "/profiles";
  return access((directory + "/base.yaml").c_str(), F_OK) == 0 ? directory : "";
}

}  // namespace

ProfileDirectories profile_directories(const std::optional<std::string>& profile_dir, bool rootless) {
  ProfileDirectories where;
  where.config_file = system_config;
  where.mandatory = {std::string(system_directory)};
  if (profile_dir) {
    where.directories = {*profile_dir};
    if (*profile_dir != system_directory) where.mandatory.push_back(*profile_dir);
  } else {
    if (rootless) {
      const char* config = getenv("XDG_CONFIG_HOME");
      const char* home = getenv("HOME");
      if (config != nullptr && *config == '/') {
        where.directories.push_back(std::string(config) + "/warder/profiles");
      } else if (home != nullptr && *home == '/') {
        where.directories.push_back(std::string(home) + "/.config/warder/profiles");
      }
    }
    where.directories.emplace_back(system_directory);
  }
  const std::string beside = build_tree_profiles();
  where.stock = {beside.empty() ? std::string(stock_directory) : beside};
  return where;
}

FileText read_profile_file(const std::string& directory, std::string_view file_name, FileTrust trust) {
  if (file_name.size() > NAME_MAX) return {};  // no such file can exist
  const Fd parent = open_directory(directory);
  if (!parent) return directory_failure(directory, errno);
  const auto file = std::make_shared<const std::string>((directory == "/" ? "" : directory) + "/" + std::string(file_name));
  const Fd fd(openat(parent.get(), std::string(file_name).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return {};
    return refused(file, "cannot be opened (" + errno_name(errno) + ")");
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return refused(file, "cannot be examined (" + errno_name(errno) + ")");
  if (!S_ISREG(status.st_mode)) return refused(file, "is no regular file");
  if (trust == FileTrust::provided) {
    if (const auto fault = ownership_fault(status, "the file"); !fault.empty()) return refused(file, fault);
    if (fstat(parent.get(), &status) != 0) return refused(file, "cannot be examined (" + errno_name(errno) + ")");
    if (const auto fault = ownership_fault(status, "its directory"); !fault.empty()) return refused(file, fault);
  }
  return read_all(fd, file);
}

std::vector<Candidate> candidates(std::string_view hostname, std::string_view domainname) {
  std::vector<Candidate> list;
  const auto matchable = [](std::string_view name) {
    return !name.empty() && name.find('@') == std::string_view::npos &&
           std::find(reserved.begin(), reserved.end(), name) == reserved.end();
  };
  const bool has_host = !hostname.empty() && hostname.find('@') == std::string_view::npos;
  const bool has_domain = !domainname.empty() && domainname.find('@') == std::string_view::npos;
  if (has_host && has_domain) list.push_back({std::string(hostname) + "." + std::string(domainname)});
  if (matchable(hostname)) list.push_back({std::string(hostname)});
  if (has_host) list.push_back({std::string(hostname), true});
  if (matchable(domainname)) list.push_back({std::string(domainname)});
  list.push_back({"default"});
  return list;
}

FileText read_longest_template(const std::string& directory, std::string_view hostname) {
  for (std::size_t length = std::min<std::size_t>(hostname.size(), NAME_MAX - 6);; --length) {
    FileText file = read_profile_file(directory, std::string(hostname.substr(0, length)) + "@.yaml", FileTrust::provided);
    if (file.state != FileText::State::absent || length == 0) return file;
  }
}

std::optional<std::string> name_fault(std::string_view name) {
  if (name.size() > 253) return "is longer than 253 bytes; accepted: at most 253";
  if (name.starts_with('.')) return "begins with '.'; accepted: a name that begins with a letter or digit";
  for (const char byte : name) {
    const auto value = static_cast<unsigned char>(byte);
    if (byte == '/') return "holds '/'; accepted: a name of one component";
    if (value < 0x20 || value == 0x7f) return "holds a control character; accepted: printable text";
  }
  return std::nullopt;
}

}  // namespace warder::policy
