#include "supervisor/procfs_view.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "linux/procfs.h"

namespace warder::supervisor {
namespace {

constexpr ino_t procfs_root_inode = 1;  // PROC_ROOT_INO since Linux 2.6.25

/// The pid that this procfs shows PID 1 under, or 0 where it does not show it.
pid_t supervisor_pid(BorrowedFd procfs_root) {
  std::array<char, 16> text;
  const ssize_t size = ::readlinkat(procfs_root.get(), "self", text.data(), text.size());
  return size <= 0 ? 0 : static_cast<pid_t>(kernel::number({text.data(), static_cast<std::size_t>(size)}));
}

/// The words of one line of PROCFS/NAME/status, written to `text`; empty where there is no such process.
std::string_view status_line(BorrowedFd procfs_root, const std::string& name, std::string_view key,
                             std::array<char, 4096>& text) {
  const Fd file(::openat(procfs_root.get(), (name + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t size = file.valid() ? kernel::read_afresh(file, text.data(), text.size()) : -1;
  if (size <= 0) return {};
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  std::string_view line;
  while (kernel::next_line(rest, line)) {
    if (line.starts_with(key) && line.substr(key.size()).starts_with(':')) return line.substr(key.size() + 1);
  }
  return {};
}

/// Whether that process is the caller, whose pids from `level` inwards it must then show.
bool shows_caller(BorrowedFd procfs_root, const NamespacePids& pids, std::size_t level) {
  std::array<char, 4096> text;
  std::string_view line = status_line(procfs_root, std::to_string(pids.pid[level]), "NStgid", text);
  for (std::size_t i = level; i < pids.levels; ++i) {
    if (static_cast<pid_t>(kernel::number(kernel::next_word(line))) != pids.pid[i]) return false;
  }
  return kernel::next_word(line).empty();
}

}  // namespace

bool is_procfs_root(BorrowedFd fd) {
  struct stat facts {};
  return ::fstat(fd.get(), &facts) == 0 && facts.st_ino == procfs_root_inode;
}

int procfs_level(Caller& caller, BorrowedFd procfs_root) {
  struct stat facts {};
  if (::fstat(procfs_root.get(), &facts) != 0) return -1;
  std::vector<CallerCache::ProcfsLevel>& known = caller.cache().procfs_levels;
  for (const CallerCache::ProcfsLevel& each : known) {
    if (each.device == facts.st_dev) return each.level;
  }
  int level = -1;
  if (const pid_t seen = supervisor_pid(procfs_root); seen != 0) {
    level = seen == ::getpid() ? 0 : -1;
  } else {
    const NamespacePids& pids = caller.status().process;
    for (std::size_t i = 1; i < pids.levels && level < 0; ++i) {
      if (shows_caller(procfs_root, pids, i)) level = static_cast<int>(i);
    }
  }
  // Not found may mean that the caller is just not in it: another one may be.
  if (level >= 0) known.push_back({facts.st_dev, level});
  return level;
}

bool is_supervisor(BorrowedFd procfs_root, const char* name) {
  const pid_t seen = supervisor_pid(procfs_root);
  if (seen == 0) return false;
  std::array<char, 4096> text;
  std::string_view line = status_line(procfs_root, name, "Tgid", text);
  // What cannot be told apart from PID 1 is treated as PID 1.
  return line.empty() || static_cast<pid_t>(kernel::number(kernel::next_word(line))) == seen;
}

Fd root_of_procfs(BorrowedFd fd) {
  constexpr int deepest = 16;
  Fd place(::openat(fd.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < deepest && place.valid(); ++i) {
    if (is_procfs_root(place)) return place;
    place = Fd(::openat(place.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  return {};
}

}  // namespace warder::supervisor
