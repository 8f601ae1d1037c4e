#include "runtime/cache_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace warder::runtime {

Fd open_cache_directory(const std::string& path) {
  ::mkdir(path.c_str(), 0700);
  Fd opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  struct stat facts {};
  if (!opened || ::fstat(opened.get(), &facts) != 0) return {};
  if (facts.st_uid != ::geteuid() || (facts.st_mode & 077) != 0) return {};
  return opened;
}

void limit_cache_directory(BorrowedFd directory, std::size_t most) {
  DIR* stream = ::fdopendir(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (stream == nullptr) return;
  std::vector<std::pair<std::int64_t, std::string>> files;
  while (const dirent* entry = ::readdir(stream)) {
    struct stat facts {};
    if (::fstatat(directory.get(), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) continue;
    files.emplace_back(facts.st_mtim.tv_sec, entry->d_name);
  }
  ::closedir(stream);
  std::sort(files.begin(), files.end());
  for (std::size_t index = 0; index + most < files.size(); ++index) ::unlinkat(directory.get(), files[index].second.c_str(), 0);
}

}  // namespace warder::runtime
