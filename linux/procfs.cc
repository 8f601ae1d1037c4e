#include "linux/procfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace warder::kernel {

Fd open_process_file(BorrowedFd procfs, pid_t id, std::string_view name, int flags) {
  std::array<char, 64> path;
  if (name.size() > path.size() - 16) {
    errno = ENAMETOOLONG;
    return {};
  }
  char* end = std::to_chars(path.data(), path.data() + 12, id).ptr;
  *end++ = '/';
  std::memcpy(end, name.data(), name.size());
  end[name.size()] = '\0';
  return Fd(::openat(procfs.get(), path.data(), flags | O_CLOEXEC));
}

ssize_t read_afresh(BorrowedFd file, char* buffer, std::size_t size) {
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t count = ::pread(file.get(), buffer + filled, size - filled, static_cast<off_t>(filled));
    if (count < 0) return -errno;
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
    if (filled < size) break;  // a generated file gives all it has in one read; a second would only generate it again
  }
  return static_cast<ssize_t>(filled);
}

bool next_line(std::string_view& text, std::string_view& line) {
  if (text.empty()) return false;
  const std::size_t end = text.find('\n');
  line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return true;
}

std::string_view next_word(std::string_view& line) {
  const std::size_t start = line.find_first_not_of(" \t");
  if (start == std::string_view::npos) {
    line = {};
    return {};
  }
  const std::size_t end = line.find_first_of(" \t", start);
  const std::string_view word = line.substr(start, end == std::string_view::npos ? end : end - start);
  line = end == std::string_view::npos ? std::string_view{} : line.substr(end);
  return word;
}

std::uint64_t number(std::string_view word, unsigned base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, static_cast<int>(base));
  return error == std::errc{} && end == word.data() + word.size() ? value : 0;
}

}  // namespace warder::kernel
