// The processes in a container's cgroup: listing, freezing, killing. Host process of a command.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "linux/open.h"
#include "runtime/cgroups/cgroup.h"
#include "runtime/cgroups/files.h"

namespace warder::runtime {

namespace {

constexpr std::chrono::seconds patience{10};

/// Host pids in `directory` and below. A directory that vanishes meanwhile has none.
Result<void> collect(const std::string& directory, std::vector<pid_t>& pids) {
  Result<std::string> text = read_file(directory, "cgroup.procs");
  if (!text) return text.error().code() == ENOENT || text.error().code() == ENODEV ? Result<void>() : std::move(text).error();
  const char* at = text->data();
  const char* end = at + text->size();
  while (at < end) {
    pid_t pid = 0;
    auto [next, error] = std::from_chars(at, end, pid);
    if (error == std::errc() && pid > 0) pids.push_back(pid);
    at = std::find(next, end, '\n') + 1;
  }
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return {};
  while (dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    WARDER_TRY(collect(directory + "/" + entry->d_name, pids));
  }
  return {};
}

Result<void> write_path(const std::string& path, std::string_view text) {
  Fd file = WARDER_TRY(kernel::open_path(path, O_WRONLY));
  WARDER_TRY_WITH(kernel::write_once(file, text), "'" + path + "'");
  return {};
}

}  // namespace

Result<std::vector<pid_t>> Cgroup::processes() const {
  std::vector<pid_t> pids;
  if (!enabled()) return pids;
  // Of v1's hierarchies a controller's is the surer one: a named one may belong to an init system inside.
  const std::string* place = directory("freezer");
  WARDER_TRY(collect(place != nullptr ? *place : state_.directories[0].directory, pids));
  std::sort(pids.begin(), pids.end());
  return pids;
}

Result<void> Cgroup::signal_all(int signal) const {
  for (pid_t pid : WARDER_TRY(processes())) {
    if (::kill(pid, signal) < 0 && errno != ESRCH) return Error::syscall("kill");
  }
  return {};
}

Result<bool> Cgroup::frozen() const {
  const std::string* place = directory("freezer");
  if (place == nullptr) return false;
  if (unified()) return keyed_number(WARDER_TRY(read_file(*place, "cgroup.events")), "frozen") == 1;
  return WARDER_TRY(read_file(*place, "freezer.state")).starts_with("FROZEN");
}

Result<void> Cgroup::freeze() const {
  const std::string* place = directory("freezer");
  if (place == nullptr) return Error::user("no freezer: the container has no cgroup that could be paused");
  const char* file = unified() ? "/cgroup.freeze" : "/freezer.state";
  const char* text = unified() ? "1" : "FROZEN";
  WARDER_TRY(write_path(*place + file, text));
  Deadline deadline(patience);
  while (!WARDER_TRY(frozen())) {
    if (deadline.passed()) {
      (void)thaw();
      return Error::syscall("freeze", ETIMEDOUT);
    }
    deadline.wait_a_little();
    // v1 can stick in FREEZING when a process forks meanwhile; asking again moves it on.
    WARDER_TRY(write_path(*place + file, text));
  }
  return {};
}

Result<void> Cgroup::thaw() const {
  const std::string* place = directory("freezer");
  if (place == nullptr) return {};
  return write_path(*place + (unified() ? "/cgroup.freeze" : "/freezer.state"), unified() ? "0" : "THAWED");
}

Result<void> Cgroup::kill_all() const {
  if (!enabled()) return {};
  Deadline deadline(patience);
  while (true) {
    std::vector<pid_t> pids = WARDER_TRY(processes());
    if (pids.empty()) return {};
    if (deadline.passed()) return Error::syscall("kill all processes of the cgroup", ETIMEDOUT);
    // cgroup.kill (Linux 5.14) cannot be outrun by fork; on v1 the loop does it. A frozen v1 process dies when it is thawed.
    bool at_once = unified() && write_path(state_.directories[0].directory + "/cgroup.kill", "1");
    if (!at_once) {
      WARDER_TRY(signal_all(SIGKILL));
      if (WARDER_TRY(frozen())) WARDER_TRY(thaw());
    }
    deadline.wait_a_little();
  }
}

Result<std::uint64_t> Cgroup::oom_kills() const {
  const std::string* place = directory("memory");
  if (place == nullptr) return std::uint64_t{0};
  return keyed_number(WARDER_TRY(read_file(*place, unified() ? "memory.events" : "memory.oom_control")), "oom_kill");
}

}  // namespace warder::runtime
