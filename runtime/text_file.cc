// Whole text files of the host. The host process of a command.
#include "runtime/text_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warder::runtime {
namespace {

Result<void> write_whole(BorrowedFd file, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error::syscall("write");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<std::string> read_text(BorrowedFd file) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return Error::syscall("fstat");
  constexpr std::size_t first = 1024;  // files of procfs have no size, and most are a few lines
  std::string text;
  std::size_t used = 0;
  text.resize(facts.st_size > 0 ? std::min(static_cast<std::size_t>(facts.st_size) + 1, largest_text_file + 1) : first);
  for (;;) {
    if (used == text.size()) text.resize(2 * used);
    ssize_t size = ::read(file.get(), text.data() + used, text.size() - used);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error::syscall("read");
    if (size == 0) break;
    used += static_cast<std::size_t>(size);
    if (used > largest_text_file) return Error::syscall("read", EFBIG);
  }
  text.resize(used);
  return text;
}

Result<std::string> read_text_file(BorrowedFd directory, const std::string& path) {
  Fd file(::openat(directory.get(), path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return Error::syscall(fmt::format("open '{}'", path));
  return read_text(file);
}

Result<void> replace_text_file(BorrowedFd directory, const std::string& path, std::string_view text, mode_t mode) {
  std::string beside = fmt::format("{}.{}.new", path, ::getpid());
  Fd file(::openat(directory.get(), beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file) return Error::syscall(fmt::format("open '{}'", beside));
  auto written = write_whole(file, text);
  if (written.ok() && ::renameat(directory.get(), beside.c_str(), directory.get(), path.c_str()) != 0) {
    written = Error::syscall(fmt::format("rename '{}'", path));
  }
  if (!written.ok()) ::unlinkat(directory.get(), beside.c_str(), 0);
  return written;
}

}  // namespace warder::runtime
