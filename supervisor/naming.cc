#include "supervisor/naming.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "linux/newer.h"
#include "linux/open.h"
#include "linux/procfs.h"

namespace warder::supervisor {
namespace {

constexpr std::string_view deleted_suffix = " (deleted)";

/// The mount ids in a mountinfo file, sorted.
std::vector<std::uint64_t> mounts_of(BorrowedFd procfs, pid_t tid) {
  std::vector<std::uint64_t> ids;
  const Fd file = tid == 0 ? Fd(::openat(procfs.get(), "self/mountinfo", O_RDONLY | O_CLOEXEC))
                           : kernel::open_process_file(procfs, tid, "mountinfo", O_RDONLY);
  if (!file.valid()) return ids;
  const Result<std::string> text = kernel::read_all(file);
  if (!text.ok()) return ids;
  std::string_view rest = *text;
  std::string_view line;
  while (kernel::next_line(rest, line)) ids.push_back(kernel::number(kernel::next_word(line)));
  std::sort(ids.begin(), ids.end());
  return ids;
}

bool contains(const std::vector<std::uint64_t>& sorted, std::uint64_t id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

}  // namespace

Outcome<void> read_name(CallerCache& cache, BorrowedFd fd, PathText& name) {
  ssize_t size = -1;
  if (const BorrowedFd link = cache.own_link(fd.get()); link.valid()) {
    size = ::readlinkat(link.get(), "", name.data(), PathText::capacity());
  } else {
    std::array<char, 12> number;
    *std::to_chars(number.data(), number.data() + number.size() - 1, fd.get()).ptr = '\0';
    size = ::readlinkat(cache.own_descriptors().get(), number.data(), name.data(), PathText::capacity());
  }
  if (size < 0) return Errno::last();
  if (static_cast<std::size_t>(size) >= PathText::capacity()) return Errno{ENAMETOOLONG};
  name.set_size(static_cast<std::size_t>(size));
  return {};
}

namespace {

/// The worker's root directory, put back at the end.
class [[nodiscard]] MovedRoot {
 public:
  MovedRoot() : own_(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  ~MovedRoot() {
    // A worker with another root would look for everybody's files below it: the container ends instead.
    if (moved_ && !enter(own_)) std::abort();
  }
  MovedRoot(const MovedRoot&) = delete;
  MovedRoot& operator=(const MovedRoot&) = delete;
  bool move_to(BorrowedFd directory) {
    if (!own_.valid()) return false;
    moved_ = true;
    return enter(directory);
  }

 private:
  static bool enter(BorrowedFd directory) { return ::fchdir(directory.get()) == 0 && ::chroot(".") == 0; }
  Fd own_;
  bool moved_ = false;
};

/// Goes up from a directory until the kernel can say its name in one piece.
Outcome<Fd> climb(CallerCache& cache, BorrowedFd from, PathText& name) {
  constexpr int most_steps = 1 << 16U;
  Fd here(::fcntl(from.get(), F_DUPFD_CLOEXEC, 0));
  for (int step = 0; here.valid() && step < most_steps; ++step) {
    const Outcome<void> said = read_name(cache, here, name);
    if (said.ok()) return here;
    if (said.code() != ENAMETOOLONG) return Errno{said.code()};
    here = Fd(::openat(here.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  if (!here.valid()) return Errno::last();
  return Errno{ENAMETOOLONG};
}

bool is_directory(BorrowedFd fd) {
  struct stat facts {};
  return ::fstat(fd.get(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

/// Each ancestor's name is read below the one before.
Outcome<void> read_in_pieces(CallerCache& cache, BorrowedFd fd, BorrowedFd bottom, PathText& name) {
  PathText piece;
  Fd top = WARDER_GET(climb(cache, bottom, piece));
  MovedRoot root;
  PathText whole;
  whole.assign(piece.view() == "/" ? "" : piece.view());
  for (;;) {
    if (!root.move_to(top)) return Errno{ENAMETOOLONG};
    const Outcome<void> said = read_name(cache, fd, piece);
    if (!said.ok()) {
      if (said.code() != ENAMETOOLONG) return Errno{said.code()};
      top = WARDER_GET(climb(cache, bottom, piece));
    }
    const bool further = piece.size() > 1;
    if (!piece.view().starts_with('/') || !further || !whole.append(piece.view())) return Errno{ENAMETOOLONG};
    if (said.ok()) break;
  }
  if (whole.size() < PathText::capacity()) return Errno{ENAMETOOLONG};  // it moved meanwhile
  name = whole;
  return {};
}

}  // namespace

Outcome<void> read_whole_name(Caller& caller, BorrowedFd fd, PathText& name, BorrowedFd base) {
  const Outcome<void> said = read_name(caller.cache(), fd, name);
  if (said.code() != ENAMETOOLONG) return said;
  const bool directory = is_directory(fd);
  Fd current;
  if (!directory && !base.valid()) {
    current = WARDER_GET(caller.take_path(AT_FDCWD));
    base = current;
  }
  caller.identity().own();
  const Outcome<void> pieces = read_in_pieces(caller.cache(), fd, directory ? fd : base, name);
  WARDER_GET(caller.act());
  return pieces;
}

Belonging belonging_of(CallerCache& cache, pid_t tid, BorrowedFd fd, std::string_view name, std::uint64_t mount) {
  if (!name.starts_with('/')) return Belonging::nameless;
  struct statx facts {};
  if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_NLINK, &facts) != 0) return Belonging::container;
  bool own = contains(cache.mounts, facts.stx_mnt_id);
  if (!own) {
    cache.mounts = mounts_of(cache.procfs(), 0);
    own = contains(cache.mounts, facts.stx_mnt_id);
  }
  if (own) {
    cache.own_mounts.add(mount);
    return Belonging::container;
  }
  // A caller with a mount namespace of its own has copies of the container's mounts.
  if (contains(mounts_of(cache.procfs(), tid), facts.stx_mnt_id)) return Belonging::container;
  return facts.stx_nlink == 0 ? Belonging::nameless : Belonging::outside;
}

bool strip_deleted(BorrowedFd fd, PathText& name) {
  if (!name.view().ends_with(deleted_suffix)) return false;
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0 || facts.st_nlink != 0) return true;
  name.truncate(name.size() - deleted_suffix.size());
  return false;
}

bool is_spelled_canonically(std::string_view path) {
  if (!path.starts_with('/') || path == "/proc" || path.starts_with("/proc/") || path.ends_with(deleted_suffix)) return false;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    const std::string_view component = path.substr(at + 1, end - at - 1);
    if (component.empty() || component == "." || component == "..") return false;
    at = end;
  }
  return true;
}

bool goes_down_only(std::string_view path) {
  for (std::size_t at = path.find(".."); at != std::string_view::npos; at = path.find("..", at + 1)) {
    const bool begins = at == 0 || path[at - 1] == '/';
    const bool ends = at + 2 == path.size() || path[at + 2] == '/';
    if (begins && ends) return false;
  }
  return true;
}

std::uint64_t unique_mount(const struct statx& found) {
  return (found.stx_mask & kernel::statx_mount_id_unique) != 0 ? found.stx_mnt_id : 0;
}

bool is_own_mount(const CallerCache& cache, std::uint64_t mount) { return cache.own_mounts.has(mount); }

bool is_ordinary_mount(const CallerCache& cache, const struct statx& found) {
  return cache.ordinary_mounts.has(unique_mount(found));
}

void remember_ordinary_mount(CallerCache& cache, const struct statx& found) { cache.ordinary_mounts.add(unique_mount(found)); }

}  // namespace warder::supervisor
