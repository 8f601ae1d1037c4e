// Running hooks and waiting for them. P0, or P2 before pivot_root; a hook gets the privileges of who calls it.
#include "runtime/container/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "linux/clone.h"
#include "linux/open.h"
#include "linux/process.h"

namespace warder::runtime {

namespace {

constexpr int exec_failed = 127;
constexpr std::size_t last_words = 512;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));  // execve changes none
  list.push_back(nullptr);
  return list;
}

/// The child between clone and execve.
[[noreturn]] void become_hook(const Hook& hook, BorrowedFd input, BorrowedFd output) {
  std::vector<char*> args = pointers(hook.args);
  std::vector<char*> env = pointers(hook.env);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  (void)::setpgid(0, 0);  // so that at its timeout what it has started ends with it
  bool ready = ::dup2(input.get(), 0) == 0 && ::dup2(output.get(), 1) == 1 && ::dup2(output.get(), 2) == 2 && ::chdir("/") == 0 &&
               kernel::close_fds_on_exec(3, ~0U).ok();
  if (ready) ::execve(hook.path.c_str(), args.data(), env.data());
  std::string text = Error::syscall(ready ? "execve" : "prepare").text() + "\n";
  (void)!::write(2, text.data(), text.size());
  ::_exit(exec_failed);
}

/// What the hook said last, as one line.
std::string words_of(BorrowedFd output) {
  off_t size = ::lseek(output.get(), 0, SEEK_END);
  if (size <= 0) return {};
  std::string text(std::min<std::size_t>(last_words, static_cast<std::size_t>(size)), '\0');
  ssize_t count = ::pread(output.get(), text.data(), text.size(), size - static_cast<off_t>(text.size()));
  if (count <= 0) return {};
  text.resize(static_cast<std::size_t>(count));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// False when the time is up first.
Result<bool> ends_in_time(BorrowedFd pidfd, const Hook& hook) {
  pollfd wait{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  std::uint32_t seconds = hook.timeout_seconds.value_or(0);
  int milliseconds = seconds == 0 ? -1 : static_cast<int>(std::min<std::uint32_t>(seconds, 2'000'000)) * 1000;
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return Error::syscall("poll");
  return ready > 0;
}

Result<void> run_hook(const Hook& hook, BorrowedFd state) {
  if (::lseek(state.get(), 0, SEEK_SET) < 0) return Error::syscall("lseek");
  Fd output(::memfd_create("hook output", MFD_CLOEXEC));
  if (!output) return Error::syscall("memfd_create");
  if (::fcntl(output.get(), F_SETFL, O_APPEND) < 0) return Error::syscall("fcntl");
  kernel::Cloned child = WARDER_TRY(kernel::clone_process({}));
  if (child.child()) become_hook(hook, state, output);
  bool in_time = WARDER_TRY(ends_in_time(child.pidfd, hook));
  if (!in_time) {  // not yet waited for: the group's number is still its own
    (void)::kill(-child.pid, SIGKILL);
    (void)kernel::send_signal(child.pidfd, SIGKILL);
  }
  int status = WARDER_TRY(kernel::wait_exit(child.pidfd));
  if (!in_time) return Error::user("no end after " + std::to_string(*hook.timeout_seconds) + " seconds");
  if (status == 0) return {};
  std::string words = words_of(output);
  return Error::user("exit status " + std::to_string(status) + (words.empty() ? "" : ": " + words));
}

}  // namespace

Result<void> run_hooks(std::string_view kind, std::span<const Hook> hooks, std::string_view state_json) {
  if (hooks.empty()) return {};
  Fd state = WARDER_TRY_WITH(kernel::sealed_memfd("state", state_json), "hooks");
  for (const Hook& hook : hooks) {
    WARDER_TRY_WITH(run_hook(hook, state), std::string(kind) + " hook '" + hook.path + "'");
  }
  return {};
}

}  // namespace warder::runtime
