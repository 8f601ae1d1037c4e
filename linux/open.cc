// openat2(2) and the few reads and writes of whole small files. Any process; no privileges.
#include "linux/open.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace warder::kernel {

namespace {
constexpr int max_races = 128;
}

Result<Fd> open_at2(BorrowedFd directory, const std::string& path, std::uint64_t flags, std::uint64_t resolve, mode_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 0;; ++attempt) {
    long number = ::syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof(how));
    if (number >= 0) return Fd(static_cast<int>(number));
    if (errno == EINTR || (errno == EAGAIN && attempt < max_races)) continue;
    return Error::syscall("openat2 '" + path + "'");
  }
}

Result<Fd> open_path(const std::string& path, int flags, mode_t mode) {
  int number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (number < 0) return Error::syscall("open '" + path + "'");
  return Fd(number);
}

Result<std::string> read_all(BorrowedFd file, std::size_t limit) {
  std::string text;
  std::size_t used = 0;
  while (true) {
    text.resize(used + 4096);
    ssize_t count = ::read(file.get(), text.data() + used, text.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::syscall("read");
    if (count == 0) break;
    used += static_cast<std::size_t>(count);
    if (used > limit) return Error::syscall("read", EFBIG);
  }
  text.resize(used);
  return text;
}

Result<void> write_once(BorrowedFd file, std::string_view text) {
  ssize_t count = 0;
  do {
    count = ::write(file.get(), text.data(), text.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return Error::syscall("write");
  if (static_cast<std::size_t>(count) != text.size()) return Error::syscall("write", EIO);
  return {};
}

Result<Fd> sealed_memfd(const char* name, std::string_view bytes) {
  Fd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return Error::syscall("memfd_create");
  std::string_view rest = bytes;
  while (!rest.empty()) {
    ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::syscall("write");
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
    return Error::syscall("fcntl F_ADD_SEALS");
  }
  return file;
}

}  // namespace warder::kernel
