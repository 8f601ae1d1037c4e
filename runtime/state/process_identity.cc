// Telling a process from a later one with the same number. Reads /proc of the runtime's PID namespace; no privileges.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "runtime/state/container_state.h"

namespace warder::runtime {
namespace {

struct StatLine {
  char state = 0;
  std::uint64_t start_time = 0;
};

Result<StatLine> read_stat(pid_t pid) {
  Fd file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error::syscall("open /proc/PID/stat");
  std::array<char, 1024> buffer{};
  ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
  if (size < 0) return Error::syscall("read /proc/PID/stat");
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  // The second field is the program's name in parentheses and may hold anything, parentheses and spaces too.
  std::size_t end = text.rfind(')');
  if (end == std::string_view::npos || end + 2 >= text.size()) return Error::bug("/proc/PID/stat has no name field");
  text.remove_prefix(end + 2);
  StatLine line{.state = text.front()};
  constexpr int fields_before_start_time = 19;  // field 3 is first here, the start time is field 22
  for (int field = 0; field < fields_before_start_time; ++field) {
    std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return Error::bug("/proc/PID/stat is too short");
    text.remove_prefix(space + 1);
  }
  std::from_chars(text.data(), text.data() + text.size(), line.start_time);
  return line;
}

}  // namespace

Result<ProcessIdentity> identify_process(pid_t pid) {
  StatLine line = WARDER_TRY_WITH(read_stat(pid), fmt::format("process {}", pid));
  return ProcessIdentity{.pid = pid, .start_time = line.start_time};
}

bool still_alive(const ProcessIdentity& process) {
  if (!process.known()) return false;
  auto line = read_stat(process.pid);
  if (!line.ok()) return false;
  return line->start_time == process.start_time && line->state != 'Z' && line->state != 'X';
}

}  // namespace warder::runtime
