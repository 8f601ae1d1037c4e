// Running hooks and waiting for them. P0, or P2 before pivot_root; a hook gets the privileges of who calls it.
#include "runtime/container/hooks.h"

#include <fcntl.h>
#include <fmt/format.h>
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
[[noreturn]] void become_hook(const Hook& hook, const HookSurroundings& around, BorrowedFd input, BorrowedFd output) {
  std::vector<char*> args = pointers(hook.args);
  std::vector<char*> env = pointers(hook.env);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  (void)::setpgid(0, 0);  // so that at its timeout what it has started ends with it
  // A bundle may be gone by the time of poststop, or out of reach for the user of a user namespace.
  bool placed = (!around.directory.empty() && ::chdir(around.directory.c_str()) == 0) || ::chdir("/") == 0;
  int out = around.standard_output.valid() ? around.standard_output.get() : output.get();
  int err = around.standard_error.valid() ? around.standard_error.get() : output.get();
  bool ready = placed && ::dup2(input.get(), 0) == 0 && ::dup2(out, 1) == 1 && ::dup2(err, 2) == 2 &&
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

/// "" when it has ended by itself, otherwise why it must not go on.
Result<std::string> end_or_reason(BorrowedFd pidfd, const Hook& hook, BorrowedFd interrupted) {
  pollfd wait[] = {{.fd = pidfd.get(), .events = POLLIN, .revents = 0},
                   {.fd = interrupted.get(), .events = POLLIN, .revents = 0}};
  std::uint32_t seconds = hook.timeout_seconds.value_or(0);
  int milliseconds = seconds == 0 ? -1 : static_cast<int>(std::min<std::uint32_t>(seconds, 2'000'000)) * 1000;
  int ready = 0;
  do {
    ready = ::poll(wait, 2, milliseconds);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) return Error::syscall("poll");
  if (ready == 0) return "no end after " + std::to_string(seconds) + " seconds";
  return wait[0].revents != 0 ? std::string() : "interrupted by a signal";
}

Result<void> run_hook(const Hook& hook, const HookSurroundings& around, BorrowedFd state) {
  if (::lseek(state.get(), 0, SEEK_SET) < 0) return Error::syscall("lseek");
  Fd output(::memfd_create("hook output", MFD_CLOEXEC));
  if (!output) return Error::syscall("memfd_create");
  if (::fcntl(output.get(), F_SETFL, O_APPEND) < 0) return Error::syscall("fcntl");
  kernel::Cloned child = WARDER_TRY(kernel::clone_process({}));
  if (child.child()) become_hook(hook, around, state, output);
  std::string reason = WARDER_TRY(end_or_reason(child.pidfd, hook, around.interrupted));
  if (!reason.empty()) {  // not yet waited for: the group's number is still its own
    (void)::kill(-child.pid, SIGKILL);
    (void)kernel::send_signal(child.pidfd, SIGKILL);
  }
  std::string end = WARDER_TRY(kernel::wait_end(child.pidfd));
  if (!reason.empty()) return Error::user(std::move(reason));
  if (end.empty()) return {};
  std::string words = words_of(output);
  return Error::user(end + (words.empty() ? "" : ": " + words));
}

}  // namespace

Result<HookOutput> HookOutput::open(const Annotations& annotations) {
  HookOutput output;
  auto open_one = [&annotations](const char* key, Fd& file) -> Result<void> {
    auto named = annotations.find(key);
    if (named == annotations.end()) return {};
    constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NOFOLLOW;
    file = WARDER_TRY_WITH(kernel::open_path(named->second, flags, 0600), std::string("annotation ") + key);
    return {};
  };
  WARDER_TRY(open_one("run.oci.hooks.stdout", output.output_));
  WARDER_TRY(open_one("run.oci.hooks.stderr", output.error_));
  return output;
}

Result<void> run_hooks(std::string_view kind, std::span<const Hook> hooks, std::string_view state_json,
                       const HookSurroundings& around) {
  if (hooks.empty()) return {};
  Fd state = WARDER_TRY_WITH(kernel::sealed_memfd("state", state_json), "hooks");
  Result<void> first;
  std::size_t index = 0;
  for (const Hook& hook : hooks) {
    Result<void> ran = run_hook(hook, around, state);
    const std::string name = fmt::format("error running {} hook #{}: '{}'", kind, index++, hook.path);
    if (ran.ok()) continue;
    if (first.ok()) first = std::move(ran).error().with(name);
    if (kind != "poststop") break;  // what is over cannot be ended: each of these has its turn
  }
  return first;
}

}  // namespace warder::runtime
