// Walks inside an untrusted root. P2; the caller's privileges.
#include "runtime/container/rootfs_path.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <deque>
#include <vector>

#include "linux/open.h"

namespace warder::runtime {

namespace {

constexpr int max_links = 40;

std::deque<std::string> split(std::string_view path) {
  std::deque<std::string> parts;
  while (!path.empty()) {
    std::size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

Result<std::string> read_link(BorrowedFd directory, const std::string& name) {
  char target[PATH_MAX];
  ssize_t size = ::readlinkat(directory.get(), name.c_str(), target, sizeof(target));
  if (size < 0) return Error::syscall("readlinkat '" + name + "'");
  if (size == sizeof(target)) return Error::syscall("readlinkat '" + name + "'", ENAMETOOLONG);
  return std::string(target, static_cast<std::size_t>(size));
}

enum class Last : std::uint8_t { directory, file };

/// A walk that makes what is missing. `done` is the path so far, free of links, so that ".." may be taken from its text.
class Walk {
 public:
  Walk(BorrowedFd root, std::string_view path, Last last) : root_(root), last_(last), rest_(split(path)) {}

  Result<Fd> run() {
    Fd here = WARDER_TRY(kernel::open_in_root(root_, "/", O_PATH | O_DIRECTORY));
    while (!rest_.empty()) {
      std::string part = std::move(rest_.front());
      rest_.pop_front();
      if (part == "..") {
        if (!done_.empty()) done_.pop_back();
        here = WARDER_TRY(reopen());
        continue;
      }
      here = WARDER_TRY(step(std::move(here), std::move(part)));
    }
    return here;
  }

 private:
  /// The directory `done_` again, from the root: after a link or "..".
  Result<Fd> reopen() {
    std::string path = "/";
    for (const std::string& part : done_) path.append(part).append("/");
    return kernel::open_in_root(root_, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  }

  Result<Fd> step(Fd here, std::string part) {
    bool wants_file = rest_.empty() && last_ == Last::file;
    if (wants_file) {
      int made = ::openat(here.get(), part.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
      if (made < 0 && errno != EEXIST && errno != EROFS) return Error::syscall("openat '" + part + "'");
      if (made >= 0) ::close(made);
    } else if (::mkdirat(here.get(), part.c_str(), 0755) < 0 && errno != EEXIST && errno != EROFS) {
      return Error::syscall("mkdirat '" + part + "'");
    }
    Fd next(::openat(here.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return Error::syscall("openat '" + part + "'");
    struct stat status = WARDER_TRY(status_of(next));
    if (S_ISLNK(status.st_mode)) return follow(std::move(here), part);
    if (S_ISDIR(status.st_mode) == wants_file) return Error::syscall("'" + part + "'", wants_file ? EISDIR : ENOTDIR);
    done_.push_back(std::move(part));
    return next;
  }

  Result<Fd> follow(Fd here, const std::string& part) {
    if (++links_ > max_links) return Error::syscall("'" + part + "'", ELOOP);
    std::string target = WARDER_TRY(read_link(here, part));
    std::deque<std::string> parts = split(target);
    rest_.insert(rest_.begin(), parts.begin(), parts.end());
    if (target.starts_with('/')) done_.clear();
    return reopen();
  }

  BorrowedFd root_;
  Last last_;
  std::deque<std::string> rest_;
  std::vector<std::string> done_;
  int links_ = 0;
};

Result<Fd> ensure(BorrowedFd root, const std::string& path, Last last) {
  std::uint64_t flags = O_PATH | (last == Last::directory ? O_DIRECTORY : 0);
  Result<Fd> there = kernel::open_in_root(root, path, flags);
  if (there) {
    if (last == Last::directory) return there;
    struct stat status = WARDER_TRY(status_of(*there));
    if (S_ISDIR(status.st_mode)) return Error::syscall("'" + path + "'", EISDIR);
    return there;
  }
  if (there.error().code() != ENOENT) return std::move(there).error();
  Result<Fd> made = Walk(root, path, last).run();
  if (!made) return std::move(made).error().with("make '" + path + "'");
  return made;
}

}  // namespace

Result<struct stat> status_of(BorrowedFd fd) {
  struct stat status {};
  if (::fstat(fd.get(), &status) < 0) return Error::syscall("fstat");
  return status;
}

std::string clean_path(std::string_view path) {
  std::vector<std::string> done;
  for (std::string& part : split(path)) {
    if (part != "..") {
      done.push_back(std::move(part));
    } else if (!done.empty()) {
      done.pop_back();
    }
  }
  std::string text;
  for (const std::string& part : done) text.append("/").append(part);
  return text.empty() ? "/" : text;
}

Result<std::optional<Fd>> find_in_root(BorrowedFd root, const std::string& path) {
  Result<Fd> found = kernel::open_in_root(root, path, O_PATH);
  if (found) return std::optional<Fd>(*std::move(found));
  if (found.error().code() == ENOENT || found.error().code() == ENOTDIR) return std::optional<Fd>();
  return std::move(found).error();
}

Result<Fd> ensure_directory(BorrowedFd root, const std::string& path) { return ensure(root, path, Last::directory); }

Result<Fd> ensure_file(BorrowedFd root, const std::string& path) { return ensure(root, path, Last::file); }

Result<std::pair<Fd, std::string>> ensure_parent(BorrowedFd root, const std::string& path) {
  std::string clean = clean_path(path);
  std::size_t slash = clean.rfind('/');
  std::string name = clean.substr(slash + 1);
  if (name.empty()) return Error::user("'" + path + "' names the container's root");
  Fd parent = WARDER_TRY(ensure_directory(root, slash == 0 ? "/" : clean.substr(0, slash)));
  return std::pair<Fd, std::string>(std::move(parent), std::move(name));
}

}  // namespace warder::runtime
