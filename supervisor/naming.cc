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

Belonging belonging_of(CallerCache& cache, pid_t tid, BorrowedFd fd, std::string_view name) {
  if (!name.starts_with('/')) return Belonging::nameless;
  struct statx facts {};
  if (::statx(fd.get(), "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_NLINK, &facts) != 0) return Belonging::container;
  if (contains(cache.mounts, facts.stx_mnt_id)) return Belonging::container;
  cache.mounts = mounts_of(cache.procfs(), 0);
  if (contains(cache.mounts, facts.stx_mnt_id)) return Belonging::container;
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

bool is_ordinary_mount(const CallerCache& cache, const struct statx& found) {
  if ((found.stx_mask & kernel::statx_mount_id_unique) == 0) return false;
  return cache.ordinary_mounts[found.stx_mnt_id % cache.ordinary_mounts.size()] == found.stx_mnt_id;
}

void remember_ordinary_mount(CallerCache& cache, const struct statx& found) {
  if ((found.stx_mask & kernel::statx_mount_id_unique) == 0) return;
  cache.ordinary_mounts[found.stx_mnt_id % cache.ordinary_mounts.size()] = found.stx_mnt_id;
}

}  // namespace warder::supervisor
