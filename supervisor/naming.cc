#include "supervisor/naming.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

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

Belonging belonging_of(CallerCache& cache, pid_t tid, BorrowedFd fd, std::string_view name, std::uint64_t mount) {
  if (!name.starts_with('/')) return Belonging::nameless;
  struct statx facts {};
  if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_NLINK, &facts) != 0) return Belonging::container;
  bool own = contains(cache.mounts, facts.stx_mnt_id);
  if (!own) {
    cache.mounts = mounts_of(cache.procfs(), 0);
    own = contains(cache.mounts, facts.stx_mnt_id);
  }
  if (own && mount != 0) cache.own_mounts[mount % cache.own_mounts.size()] = mount;
  if (own) return Belonging::container;
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

bool is_own_mount(const CallerCache& cache, std::uint64_t mount) {
  return mount != 0 && cache.own_mounts[mount % cache.own_mounts.size()] == mount;
}

bool is_ordinary_mount(const CallerCache& cache, const struct statx& found) {
  const std::uint64_t mount = unique_mount(found);
  return mount != 0 && cache.ordinary_mounts[mount % cache.ordinary_mounts.size()] == mount;
}

void remember_ordinary_mount(CallerCache& cache, const struct statx& found) {
  const std::uint64_t mount = unique_mount(found);
  if (mount != 0) cache.ordinary_mounts[mount % cache.ordinary_mounts.size()] = mount;
}

}  // namespace warder::supervisor
