// Looking into the rootfs before the container exists. The host process of `create`; the rootfs is hostile, so every look is an
// openat2(2) that cannot leave it.
#include "runtime/commands/rootfs_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "linux/open.h"

namespace warder::runtime {
namespace {

using policy::FileKind;
using policy::ListedFile;

/// True where `path` is `directory` or below it.
bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string descriptor_name(BorrowedFd fd) {
  std::array<char, 4096> buffer{};
  std::string link = fmt::format("/proc/self/fd/{}", fd.get());
  ssize_t size = ::readlink(link.c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

class Tree {
 public:
  Tree(BorrowedFd rootfs, const Spec& spec) : rootfs_(rootfs), name_(descriptor_name(rootfs)) {
    for (const Mount& mount : spec.mounts) {
      if (mount.destination != "/") mounts_.push_back(&mount);
    }
  }

  [[nodiscard]] std::string canonical(std::string_view literal) const {
    // Below a mount that is not made yet nothing can be resolved; /proc/self is the caller's and must stay as it is anyway.
    if (const Mount* mount = covering(literal)) {
      return resolve(mount->destination) + std::string(literal.substr(mount->destination.size()));
    }
    return resolve(std::string(literal));
  }

  [[nodiscard]] FileKind kind(std::string_view canonical) const {
    if (const Mount* mount = covering(canonical)) {
      if (canonical.size() != mount->destination.size()) return FileKind::unknown;
      return mounted_kind(*mount);
    }
    if (above_absent(std::string(canonical)) == std::string::npos) {
      auto file = kernel::open_in_root(rootfs_, std::string(canonical), O_PATH | O_NOFOLLOW);
      struct stat facts {};
      if (file.ok() && ::fstat(file->get(), &facts) == 0) return S_ISDIR(facts.st_mode) ? FileKind::directory : FileKind::other;
    }
    // The runtime makes the directories that lead to a mount.
    for (const Mount* mount : mounts_) {
      if (is_within(mount->destination, canonical)) return FileKind::directory;
    }
    return FileKind::absent;
  }

  [[nodiscard]] std::optional<std::vector<ListedFile>> list(std::string_view canonical) const {
    if (covering(canonical) != nullptr) return std::nullopt;
    std::vector<ListedFile> files = files_in(canonical);
    std::string prefix = canonical == "/" ? "/" : std::string(canonical) + "/";
    for (const Mount* mount : mounts_) {
      if (!mount->destination.starts_with(prefix) || mount->destination.size() == prefix.size()) continue;
      std::string_view rest = std::string_view(mount->destination).substr(prefix.size());
      std::string name(rest.substr(0, rest.find('/')));
      std::erase_if(files, [&name](const ListedFile& file) { return file.name == name; });
      FileKind found = kind(prefix + name);
      files.push_back({.name = std::move(name), .kind = found});
    }
    std::ranges::sort(files, {}, &ListedFile::name);
    return files;
  }

 private:
  /// The last mount whose destination is the path or above it.
  [[nodiscard]] const Mount* covering(std::string_view path) const {
    const Mount* found = nullptr;
    for (const Mount* mount : mounts_) {
      bool deeper = found == nullptr || mount->destination.size() >= found->destination.size();
      if (deeper && is_within(path, mount->destination)) found = mount;
    }
    return found;
  }

  /// A bind mount of a file is a file, every other mount a directory.
  [[nodiscard]] static FileKind mounted_kind(const Mount& mount) {
    struct stat facts {};
    bool absolute = mount.source.starts_with('/');
    bool file = absolute && mount.type != "proc" && ::stat(mount.source.c_str(), &facts) == 0 && !S_ISDIR(facts.st_mode);
    return file ? FileKind::other : FileKind::directory;
  }

  /// Profiles name many files below one directory that is not there; what lies below the first absent one needs no look. Where
  /// that one's name begins, with its slash.
  [[nodiscard]] std::size_t above_absent(const std::string& path) const {
    for (std::size_t end = 0; end < path.size();) {
      const std::size_t start = end;
      end = std::min(path.find('/', start + 1), path.size());
      if (absent_.contains(path.substr(0, end))) return start;
    }
    return std::string::npos;
  }

  /// Resolves as far as the path exists in the rootfs and keeps the rest.
  [[nodiscard]] std::string resolve(std::string path) const {
    std::string rest;
    if (const std::size_t above = above_absent(path); above != std::string::npos) {
      rest = path.substr(above);
      path.resize(above);
    }
    while (path.size() > 1) {
      auto file = kernel::open_in_root(rootfs_, path, O_PATH);
      if (file.ok()) {
        std::string name = descriptor_name(*file);
        if (is_within(name, name_)) path = name.substr(name_ == "/" ? 0 : name_.size());
        break;
      }
      if (file.error().code() == ENOENT) absent_.insert(path);
      std::size_t slash = path.rfind('/');
      rest.insert(0, path.substr(slash));
      path.resize(slash);
    }
    std::string whole = (path == "/" ? "" : path) + rest;
    return whole.empty() ? "/" : whole;
  }

  /// What stands in a directory of the rootfs itself.
  [[nodiscard]] std::vector<ListedFile> files_in(std::string_view directory) const {
    std::vector<ListedFile> files;
    auto opened = kernel::open_in_root(rootfs_, std::string(directory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!opened.ok()) return files;
    DIR* stream = ::fdopendir(opened->get());
    if (stream == nullptr) return files;
    static_cast<void>(opened->release());
    while (const dirent* entry = ::readdir(stream)) {
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      FileKind found = entry->d_type == DT_DIR ? FileKind::directory : FileKind::other;
      if (entry->d_type == DT_UNKNOWN) found = kind((directory == "/" ? "" : std::string(directory)) + "/" + name);
      files.push_back({.name = std::move(name), .kind = found});
    }
    ::closedir(stream);
    return files;
  }

  BorrowedFd rootfs_;
  std::string name_;
  std::vector<const Mount*> mounts_;
  mutable std::unordered_set<std::string> absent_;
};

}  // namespace

policy::ContainerFacts rootfs_facts(BorrowedFd rootfs, const Spec& spec) {
  auto tree = std::make_shared<Tree>(rootfs, spec);
  return {.canonical = [tree](std::string_view literal) { return tree->canonical(literal); },
          .kind = [tree](std::string_view canonical) { return tree->kind(canonical); },
          .list = [tree](std::string_view canonical) { return tree->list(canonical); },
          .has_guarded_cgroup = {}};
}

}  // namespace warder::runtime
