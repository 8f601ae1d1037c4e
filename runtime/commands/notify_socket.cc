// Our end of a container's NOTIFY_SOCKET. The host process of `create`, `run` and `start`.
#include "runtime/commands/notify_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "linux/open.h"

namespace warder::runtime {
namespace {

constexpr std::string_view variable = "NOTIFY_SOCKET=";
constexpr const char* directory_name = "notify";

bool may_pass(std::string_view line) {
  constexpr std::array<std::string_view, 7> safe = {"READY=1",    "STATUS=",          "RELOADING=1",         "STOPPING=1",
                                                    "WATCHDOG=1", "WATCHDOG=trigger", "EXTEND_TIMEOUT_USEC="};
  return std::any_of(safe.begin(), safe.end(),
                     [line](std::string_view word) { return word.back() == '=' ? line.starts_with(word) : line == word; });
}

}  // namespace

std::optional<std::string> service_manager_socket() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@') || path[1] == '\0') return std::nullopt;
  return path;
}

bool add_notify_directory(Spec& spec, const std::string& manager, const std::string& state_directory) {
  auto asked = spec.annotations.find("io.warder.sd-notify");
  if (asked != spec.annotations.end() && asked->second == "ignore") return false;
  for (const std::string& entry : spec.process.env) {
    if (entry.starts_with(variable)) return false;
  }
  std::string inside = manager.front() == '/' ? manager : "/run/notify";
  spec.mounts.push_back({.destination = inside,
                         .type = "bind",
                         .source = state_directory + "/" + directory_name,
                         .options = {"bind", "nosuid", "nodev", "noexec", "ro"},
                         .uid_mappings = {},
                         .gid_mappings = {}});
  spec.process.env.push_back(std::string(variable) + inside + "/notify");
  return true;
}

Result<void> make_notify_directory(BorrowedFd state_directory) {
  if (::mkdirat(state_directory.get(), directory_name, 0755) != 0) return Error::syscall("mkdirat 'notify'");
  return {};
}

Result<std::optional<NotifyProxy>> NotifyProxy::open(BorrowedFd state_directory, pid_t main_pid) {
  auto manager = service_manager_socket();
  if (!manager) return std::optional<NotifyProxy>();
  Fd directory(::openat(state_directory.get(), directory_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return std::optional<NotifyProxy>();
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::syscall("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Through /proc/self/fd, so that a long state directory fits the 108 bytes.
  std::string path = fmt::format("/proc/self/fd/{}/notify", directory.get());
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error::syscall("notify socket: bind");
  }
  // Whoever the workload runs as; nobody else can reach the directory.
  if (::fchmodat(directory.get(), "notify", 0777, 0) != 0) return Error::syscall("notify socket: fchmodat");
  return std::optional(NotifyProxy(std::move(socket), *std::move(manager), main_pid));
}

/// A manager that is gone does not stop the container.
void NotifyProxy::send(const std::string& text) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (manager_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, manager_.data(), manager_.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + manager_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  Fd out(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!out) return;
  (void)::sendto(out.get(), text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

bool NotifyProxy::forward() {
  std::array<char, 4096> buffer{};
  ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size <= 0) return ready_;
  std::string_view rest(buffer.data(), static_cast<std::size_t>(size));
  std::string passed;
  bool became_ready = false;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!may_pass(line)) continue;
    became_ready = became_ready || line == "READY=1";
    passed.append(passed.empty() ? "" : "\n").append(line);
  }
  if (!passed.empty()) send(passed);
  if (became_ready && !ready_) {
    ready_ = true;
    send(fmt::format("MAINPID={}", main_pid_));
  }
  return ready_;
}

void NotifyProxy::wait_until_ready(BorrowedFd process) {
  while (!ready_) {
    std::array<pollfd, 2> entries{
        {{.fd = socket_.get(), .events = POLLIN, .revents = 0}, {.fd = process.get(), .events = POLLIN, .revents = 0}}};
    if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return;
    if (entries[0].revents != 0)
      (void)forward();
    else if (entries[1].revents != 0)
      return;
  }
}

}  // namespace warder::runtime
