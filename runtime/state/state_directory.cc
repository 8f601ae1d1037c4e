// The state directories on disk. The host process of a command, with the rights of its caller.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/rootless.h"
#include "runtime/state/container_state.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

constexpr std::string_view invalid_id = "invalid container ID format";
constexpr std::size_t longest_id = 1024;
constexpr mode_t directory_mode = 0700;

bool is_id_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_' || letter == '+' || letter == '.' || letter == '-';
}

/// mkdir -p, each new component 0700.
Result<void> make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    std::string prefix = path.substr(0, slash);
    if (::mkdir(prefix.c_str(), directory_mode) != 0 && errno != EEXIST) {
      return Error::syscall(fmt::format("mkdir '{}'", prefix));
    }
    if (slash == std::string::npos) return {};
  }
}

/// What stands in a state directory decides whom `kill` signals and what `delete` removes: only root's and the caller's own
/// counts.
Result<Fd> open_trusted_directory(BorrowedFd parent, const std::string& path) {
  Fd directory(::openat(parent.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) return Error::syscall(fmt::format("open '{}'", path));
  struct stat facts {};
  if (::fstat(directory.get(), &facts) != 0) return Error::syscall("fstat");
  if (facts.st_uid != 0 && facts.st_uid != ::geteuid()) {
    return Error::user(fmt::format("'{}' belongs to another user", path));
  }
  bool sticky = (facts.st_mode & S_ISVTX) != 0;
  if ((facts.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky) {
    return Error::user(fmt::format("'{}' may be written by others", path));
  }
  return directory;
}

Result<void> remove_tree(BorrowedFd parent, const std::string& name) {
  Fd directory(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) return Error::syscall(fmt::format("open '{}'", name));
  DIR* stream = ::fdopendir(::dup(directory.get()));
  if (stream == nullptr) return Error::syscall("fdopendir");
  std::vector<std::string> entries;
  while (const dirent* entry = ::readdir(stream)) {
    std::string_view entry_name = entry->d_name;
    if (entry_name != "." && entry_name != "..") entries.emplace_back(entry_name);
  }
  ::closedir(stream);
  for (const std::string& entry : entries) {
    if (::unlinkat(directory.get(), entry.c_str(), 0) == 0) continue;
    if (errno != EISDIR && errno != EPERM) return Error::syscall(fmt::format("unlink '{}'", entry));
    WARDER_TRY(remove_tree(directory, entry));
  }
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0) return Error::syscall(fmt::format("rmdir '{}'", name));
  return {};
}

Result<std::string> default_root() {
  const char* runtime_directory = std::getenv("XDG_RUNTIME_DIR");
  // Root of a user namespace (podman unshare) may not write /run; its XDG_RUNTIME_DIR is the user's.
  bool users = WARDER_TRY(is_rootless("auto"));
  if (users && runtime_directory != nullptr && runtime_directory[0] == '/') return std::string(runtime_directory) + "/warder";
  return std::string("/run/warder");
}

}  // namespace

Result<void> check_container_id(std::string_view id) {
  bool good = !id.empty() && id.size() <= longest_id && !id.starts_with('.') && std::all_of(id.begin(), id.end(), is_id_letter);
  if (!good) {
    bool letters = std::all_of(id.begin(), id.end(), is_id_letter);
    return Error::user(fmt::format("{}: '{}'{}; accepted: letters, digits, '_', '+', '-' and, not at the beginning, '.'",
                                   invalid_id, id, letters ? "" : ": invalid character"));
  }
  return {};
}

Result<StateRoot> StateRoot::find(const std::optional<std::string>& given) {
  std::string path = given ? *given : WARDER_TRY(default_root());
  if (path.empty()) return Error::user("--root: an empty path; accepted: a directory");
  if (path.front() != '/') {
    std::array<char, 4096> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) return Error::syscall("getcwd");
    path = std::string(here.data()) + "/" + path;
  }
  return StateRoot{std::move(path)};
}

std::vector<std::string> StateRoot::ids() const {
  std::vector<std::string> found;
  DIR* stream = ::opendir(path.c_str());
  if (stream == nullptr) return found;
  while (const dirent* entry = ::readdir(stream)) {
    if (entry->d_type == DT_DIR && check_container_id(entry->d_name).ok()) found.emplace_back(entry->d_name);
  }
  ::closedir(stream);
  std::sort(found.begin(), found.end());
  return found;
}

Result<StateDirectory> StateDirectory::create(const StateRoot& root, const std::string& id) {
  WARDER_TRY(check_container_id(id));
  WARDER_TRY_WITH(make_directories(root.path), "state directory");
  Fd parent = WARDER_TRY_WITH(open_trusted_directory(BorrowedFd(AT_FDCWD), root.path), "state directory");
  if (::mkdirat(parent.get(), id.c_str(), directory_mode) != 0) {
    if (errno == EEXIST) return Error::user("container with given ID already exists");
    return Error::syscall(fmt::format("mkdir '{}/{}'", root.path, id));
  }
  Fd directory = WARDER_TRY_WITH(open_trusted_directory(parent, id), "state directory");
  StateDirectory made(root.path + "/" + id, id, std::move(directory));
  WARDER_TRY(made.lock());
  return made;
}

Result<StateDirectory> StateDirectory::open(const StateRoot& root, const std::string& id) {
  WARDER_TRY(check_container_id(id));
  auto absent = [&] { return Error(Fault::user, fmt::format("container '{}' does not exist", id), ENOENT); };
  auto parent = open_trusted_directory(BorrowedFd(AT_FDCWD), root.path);
  if (!parent.ok()) return parent.error().code() == ENOENT ? absent() : std::move(parent).error().with("state directory");
  auto directory = open_trusted_directory(*parent, id);
  if (!directory.ok())
    return directory.error().code() == ENOENT ? absent() : std::move(directory).error().with("state directory");
  return StateDirectory(root.path + "/" + id, id, *std::move(directory));
}

Result<void> StateDirectory::lock() {
  if (lock_) return {};
  Fd file(::openat(directory_.get(), "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) {
    // The directory was removed between open and here: another command has deleted the container.
    if (errno == ENOENT) return Error(Fault::user, fmt::format("container '{}' does not exist", id_), ENOENT);
    return Error::syscall("open 'lock'");
  }
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::syscall("flock");
  }
  lock_ = std::move(file);
  return {};
}

Result<ContainerState> StateDirectory::load() const {
  auto text = read_text_file(directory_, "state.json");
  if (!text.ok()) {
    if (text.error().code() == ENOENT) return Error(Fault::user, fmt::format("container '{}' is not created yet", id_), ENOENT);
    return std::move(text).error();
  }
  return state_from_json(*text);
}

Result<void> StateDirectory::save(const ContainerState& state) const {
  return replace_text_file(directory_, "state.json", state_to_json(state), 0600);
}

Result<void> StateDirectory::mark_started() const {
  const Fd file(::openat(directory_.get(), "started", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return Error::syscall("open 'started'");
  return {};
}

bool StateDirectory::started() const { return ::faccessat(directory_.get(), "started", F_OK, AT_EACCESS) == 0; }

Result<void> StateDirectory::remove() {
  std::string parent_path = path_.substr(0, path_.size() - id_.size() - 1);
  Fd parent = WARDER_TRY(open_trusted_directory(BorrowedFd(AT_FDCWD), parent_path));
  WARDER_TRY_WITH(remove_tree(parent, id_), "remove state directory");
  lock_.reset();
  directory_.reset();
  return {};
}

}  // namespace warder::runtime
