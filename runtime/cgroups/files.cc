// Small cgroup files. Host process of a command.
#include "runtime/cgroups/files.h"

#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "linux/open.h"

namespace warder::runtime {

Result<std::string> read_file(BorrowedFd directory, const char* name) {
  Fd file = WARDER_TRY(kernel::open_beneath(directory, name, O_RDONLY));
  Result<std::string> text = kernel::read_all(file);
  if (!text) return std::move(text).error().with(name);
  return text;
}

Result<std::string> read_file(const std::string& directory, const char* name) {
  Fd file = WARDER_TRY(kernel::open_path(directory + "/" + name, O_RDONLY));
  Result<std::string> text = kernel::read_all(file);
  if (!text) return std::move(text).error().with(name);
  return text;
}

Result<void> write_file(BorrowedFd directory, const char* name, std::string_view text) {
  Fd file = WARDER_TRY(kernel::open_beneath(directory, name, O_WRONLY));
  WARDER_TRY_WITH(kernel::write_once(file, text), std::string(name) + ": '" + std::string(text) + "'");
  return {};
}

std::uint64_t number_of(std::string_view text) {
  if (text.starts_with("max")) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint64_t keyed_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return number_of(line.substr(key.size() + 1));
  }
  return 0;
}

void Deadline::wait_a_little() const {
  timespec pause{.tv_sec = 0, .tv_nsec = pause_.count() * 1000};
  ::nanosleep(&pause, nullptr);
  pause_ = std::min(pause_ * 2, std::chrono::microseconds(20'000));
}

}  // namespace warder::runtime
