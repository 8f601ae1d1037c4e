// Signals, terminal and exit code of a foreground container. The host process of `run` and `exec`.
#include "runtime/commands/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include "linux/clone.h"
#include "linux/process.h"
#include "runtime/commands/console_socket.h"

namespace warder::runtime {
namespace {

/// Everything that can be caught, is not about ourselves, and does not tell of a crash of ours.
sigset_t forwarded_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE, SIGTTIN, SIGTTOU}) ::sigdelset(&set, own);
  return set;
}

/// Our terminal in raw mode while this object lives; nothing where standard input is none.
class RawMode {
 public:
  RawMode() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

void copy_window_size(int master) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(master, TIOCSWINSZ, &size);
}

/// Bytes on their way from one descriptor to another that may take them slowly.
class Pipe {
 public:
  Pipe(int from, int to) : from_(from), to_(to) {}

  [[nodiscard]] bool wants_input() const { return open_ && size_ == 0; }
  [[nodiscard]] bool wants_output() const { return size_ != 0; }
  [[nodiscard]] int from() const { return from_; }
  [[nodiscard]] int to() const { return to_; }

  /// False at the end of the source.
  bool fill() {
    ssize_t got = ::read(from_, buffer_.data(), buffer_.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    open_ = got > 0;
    begin_ = 0;
    size_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    return open_;
  }
  void drain() {
    ssize_t put = ::write(to_, buffer_.data() + begin_, size_);
    if (put < 0) {
      if (errno != EAGAIN && errno != EINTR) size_ = 0;  // nobody reads any more
      return;
    }
    begin_ += static_cast<std::size_t>(put);
    size_ -= static_cast<std::size_t>(put);
  }

 private:
  int from_, to_;
  bool open_ = true;
  std::size_t begin_ = 0, size_ = 0;
  std::array<char, 16384> buffer_{};
};

class Loop {
 public:
  Loop(ForegroundRequest request, Fd signals)
      : request_(std::move(request)),
        signals_(std::move(signals)),
        input_(STDIN_FILENO, request_.terminal_master.get()),
        output_(request_.terminal_master.get(), STDOUT_FILENO) {}

  Result<int> run() {
    for (;;) {
      std::array<pollfd, 7> entries = watched();
      if (::poll(entries.data(), entries.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return Error::syscall("poll");
      }
      if (ready(entries[0])) take_signal();
      if (ready(entries[6])) (void)request_.notify->forward();
      if (request_.terminal_master) move_bytes(entries);
      if (ready(entries[1])) {
        if (request_.terminal_master) flush_output();
        return kernel::wait_exit(request_.waited);
      }
    }
  }

 private:
  static bool ready(const pollfd& entry) { return entry.fd >= 0 && entry.revents != 0; }

  std::array<pollfd, 7> watched() const {
    auto when = [](bool wanted, int fd, short events) { return pollfd{.fd = wanted ? fd : -1, .events = events, .revents = 0}; };
    bool terminal = request_.terminal_master.valid();
    return {when(true, signals_.get(), POLLIN),
            when(true, request_.waited.get(), POLLIN),
            when(terminal && input_.wants_input(), input_.from(), POLLIN),
            when(terminal && input_.wants_output(), input_.to(), POLLOUT),
            when(terminal && output_.wants_input(), output_.from(), POLLIN),
            when(terminal && output_.wants_output(), output_.to(), POLLOUT),
            when(request_.notify.has_value(), request_.notify ? request_.notify->socket().get() : -1, POLLIN)};
  }

  void move_bytes(const std::array<pollfd, 7>& entries) {
    if (ready(entries[2]) && !input_.fill()) send_end_of_file();
    if (ready(entries[3])) input_.drain();
    if (ready(entries[4])) output_.fill();
    if (ready(entries[5])) output_.drain();
  }

  /// The end of a piped standard input is the terminal's end-of-file character for its reader.
  void send_end_of_file() const {
    constexpr char end_of_transmission = 4;
    if (::write(request_.terminal_master.get(), &end_of_transmission, 1) < 0) return;
  }

  /// What the container wrote before it ended.
  void flush_output() {
    while (output_.wants_output()) output_.drain();
    while (output_.fill() && output_.wants_output()) {
      while (output_.wants_output()) output_.drain();
    }
  }

  void take_signal() const {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
    int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      reap_orphans();
    } else if (number == SIGWINCH && request_.terminal_master) {
      copy_window_size(request_.terminal_master.get());
    } else {
      static_cast<void>(kernel::send_signal(request_.signaled, number));
    }
  }

  /// Adopted children end here; the one that is waited for must stay a zombie until wait_exit() has its status.
  void reap_orphans() const {
    auto waited = kernel::pidfd_number(request_.waited);
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      if (!waited.ok() || info.si_pid == *waited) return;
      ::waitpid(info.si_pid, nullptr, WNOHANG);
    }
  }

  ForegroundRequest request_;
  Fd signals_;
  Pipe input_, output_;
};

}  // namespace

Result<OwnTerminal> OwnTerminal::prepare() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return Error::syscall("socketpair");
  OwnTerminal terminal;
  terminal.receiver_ = Fd(ends[0]);
  terminal.sender_ = Fd(ends[1]);
  return terminal;
}

Result<Fd> OwnTerminal::take_master() {
  // With our copy of the sending end closed, a container side that sent nothing is an end of file and not a hang.
  sender_.reset();
  Fd master = WARDER_TRY(receive_terminal(receiver_));
  copy_window_size(master.get());
  return master;
}

void hold_signals() {
  sigset_t set = forwarded_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<int> serve(ForegroundRequest request) {
  sigset_t set = forwarded_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return Error::syscall("signalfd");
  std::optional<RawMode> raw;
  if (request.terminal_master) {
    raw.emplace();
    int flags = ::fcntl(request.terminal_master.get(), F_GETFL);
    ::fcntl(request.terminal_master.get(), F_SETFL, flags | O_NONBLOCK);
  }
  return Loop(std::move(request), std::move(signals)).run();
}

Result<void> become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return Error::syscall("prctl PR_SET_CHILD_SUBREAPER");
  return {};
}

}  // namespace warder::runtime
