#include "runtime/audit/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

namespace warder::runtime {

Result<AuditFile> AuditFile::open(std::string path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error::syscall(fmt::format("open audit log '{}'", path));
  return AuditFile(std::move(path), std::move(file));
}

Result<void> AuditFile::read(Tail tail, const Line& line) {
  struct stat facts {};
  if (::fstat(file_.get(), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size < position_) {
    ::lseek(file_.get(), 0, SEEK_SET);
    position_ = 0;
    number_ = 0;
    rest_.clear();
  }
  std::vector<char> buffer(std::size_t{64} << 10U);
  for (;;) {
    const ssize_t length = ::read(file_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return Error::syscall(fmt::format("read audit log '{}'", path_));
    if (length == 0) break;
    position_ += length;
    std::string_view arrived(buffer.data(), static_cast<std::size_t>(length));
    for (std::size_t end = arrived.find('\n'); end != std::string_view::npos; end = arrived.find('\n')) {
      rest_ += arrived.substr(0, end);
      line(rest_, ++number_);
      rest_.clear();
      arrived.remove_prefix(end + 1);
    }
    rest_ += arrived;
  }
  if (tail == Tail::complete && !rest_.empty()) {
    line(rest_, ++number_);
    rest_.clear();
  }
  return {};
}

bool AuditFile::replaced() const {
  struct stat mine {};
  struct stat named {};
  if (::fstat(file_.get(), &mine) != 0 || ::stat(path_.c_str(), &named) != 0) return true;
  return mine.st_dev != named.st_dev || mine.st_ino != named.st_ino;
}

}  // namespace warder::runtime
