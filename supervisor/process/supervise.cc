// warder-init as PID 1 of the outer PID namespace: the supervisor of one container, from its birth to the workload's end.
//
// The main thread does everything but answering: messages of the workload process before it executes, requests on the control
// socket, signals, children, listeners that nobody uses any more. Where the profile needs no listener there is no other thread,
// and an idle container is one process in one poll. Whatever goes wrong here ends PID 1 and so the container (fail closed).
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "linux/open.h"
#include "linux/process.h"
#include "linux/procfs.h"
#include "linux/socket.h"
#include "policy/core/compiled.h"
#include "supervisor/audit.h"
#include "supervisor/names/name_service.h"
#include "supervisor/network/peer_processes.h"
#include "supervisor/process/boot_block.h"
#include "supervisor/process/control.h"
#include "supervisor/process/exec_stop.h"
#include "supervisor/process/footprint.h"
#include "supervisor/process/modes.h"
#include "supervisor/process/pool.h"
#include "supervisor/process/read_only.h"
#include "supervisor/process/self_confinement.h"
#include "supervisor/process/signals.h"
#include "supervisor/protocol/messages.h"

namespace warder::supervisor {
namespace {

constexpr BorrowedFd procfs(procfs_fd);
constexpr BorrowedFd workload(workload_pidfd);
constexpr BorrowedFd peer(peer_fd);
constexpr BorrowedFd runtime(runtime_fd);

/// The workload's pid in PID 1's namespace, as the private procfs knows it.
Result<pid_t> workload_pid() {
  const Fd file = WARDER_TRY(kernel::open_at2(procfs, "self/fdinfo/" + std::to_string(workload_pidfd), O_RDONLY, 0));
  char buffer[1024];
  const ssize_t size = kernel::read_afresh(file, buffer, sizeof buffer);
  std::string_view text(buffer, size < 0 ? 0 : static_cast<std::size_t>(size));
  for (std::string_view line; kernel::next_line(text, line);) {
    if (kernel::next_word(line) != "Pid:") continue;
    const auto pid = static_cast<pid_t>(kernel::number(kernel::next_word(line)));
    if (pid > 0) return pid;
  }
  return Error(Fault::environment, "the workload process is gone", ESRCH);
}

/// A process on its way to its program names its listener by a number, and what it names must be one: a device or a file of a
/// FUSE file system would answer the requests of a listener as its owner likes.
bool is_listener(BorrowedFd fd) {
  char text[64];
  const std::string name = "self/fd/" + std::to_string(fd.get());
  const ssize_t size = ::readlinkat(procfs.get(), name.c_str(), text, sizeof text);
  return size > 0 && std::string_view(text, static_cast<std::size_t>(size)) == "anon_inode:seccomp notify";
}

Duty duty_of(const policy::Compiled& policy) {
  if (!policy.needs_listener()) return Duty::reap;
  return policy.checks_exec() ? Duty::judge_exec : Duty::answer;
}

class Supervisor {
 public:
  Supervisor(Boot boot, const policy::Compiled& policy, pid_t pid, Fd root, Fd signals,
             std::unique_ptr<names::PrivateSockets> private_sockets, Fd socket_diag, ControlPeer control_peer)
      : boot_(std::move(boot)),
        policy_(policy),
        duty_(duty_of(policy)),
        pid_(pid),
        root_(std::move(root)),
        signals_(std::move(signals)),
        audit_(BorrowedFd(::fcntl(audit_fd, F_GETFD) < 0 ? -1 : audit_fd), procfs, boot_.container_id, policy_, boot_.audit),
        exec_stop_(policy_, audit_, procfs, pid),
        private_sockets_(std::move(private_sockets)),
        names_(private_sockets_ ? std::make_unique<names::NameService>(policy_, audit_, *private_sockets_) : nullptr),
        peers_(std::move(socket_diag)),
        pool_({policy_, audit_, exec_stop_, procfs, root_, workload, peers_, names_.get()}),
        control_(BorrowedFd(control_fd), control_peer) {}

  Result<void> start_threads() {
    if (duty_ == Duty::reap) return {};
    if (duty_ == Duty::judge_exec) WARDER_TRY(exec_stop_.start());
    if (names_) WARDER_TRY(names_->exchange.start());
    return pool_.start();
  }

  /// Returns the exit code of the workload.
  int run() {
    std::optional<int> code;
    while (!code) {
      std::vector<pollfd> entries{{signals_.get(), POLLIN, 0}, {control_fd, POLLIN, 0}};
      if (peer_open_) entries.push_back({peer_fd, POLLIN, 0});
      control_.add_to_poll(entries);
      pool_.add_to_poll(entries);
      if (::poll(entries.data(), entries.size(), -1) < 0) continue;
      for (const pollfd& entry : entries) {
        if (entry.revents != 0) on_event(entry, code);
      }
    }
    // A program that ends at once: its exit is seen before the end of file that tells `start` that it ran.
    pollfd last{peer_fd, POLLIN, 0};
    while (peer_open_ && ::poll(&last, 1, 0) > 0) on_workload_message();
    audit_.flush(AuditLog::Flush::all);
    return *code;
  }

 private:
  void on_event(const pollfd& entry, std::optional<int>& code) {
    if (entry.fd == signals_.get()) {
      if (pass_signals(signals_, workload)) code = on_children();
    } else if (entry.fd == control_fd) {
      control_.accept();
    } else if (entry.fd == peer_fd) {
      if (peer_open_) on_workload_message();
    } else if (control_.is_connection(entry.fd)) {
      on_request(entry.fd);
    } else {
      pool_.end_listener(entry.fd);
    }
  }

  std::optional<int> on_children() {
    if (duty_ != Duty::reap) {
      exec_stop_.poke();
      if (const int status = exec_stop_.workload_status(); status >= 0) return kernel::exit_code(status);
    }
    return reap(pid_, exec_stop_);
  }

  // ---- the workload process, until it executes

  void on_workload_message() {
    Result<Message> message = receive_message(peer);
    if (!message.ok()) {
      end_of_preparation("the workload process ended before it executed");
    } else if (message->type == MessageType::listener) {
      take_listener(static_cast<int>(message->number));
    } else if (message->type == MessageType::started) {
      executing_ = true;
    } else if (message->type == MessageType::failed) {
      executing_ = false;
      end_of_preparation(message->text);
    }
  }

  /// End of file: its end of the socket was close-on-exec, so the program runs, unless it said why not or never came so far.
  void end_of_preparation(const std::string& failure) {
    peer_open_ = false;
    const Message answer = executing_ ? Message{MessageType::done, 0, "", {}} : Message{MessageType::failed, 0, failure, {}};
    if (starter_ >= 0) control_.answer(std::exchange(starter_, -1), answer);
    ::close(peer_fd);
    // After the answer: what is touched next comes from the file again.
    release_unused_memory();
  }

  Result<void> add_listener(Fd listener) {
    if (!is_listener(listener)) return Error::bug("what was handed over is no listener");
    return pool_.add_listener(std::move(listener));
  }

  void take_listener(int number) {
    Result<Fd> listener = kernel::take_fd(workload, number);
    Result<void> added = listener.ok() ? add_listener(*std::move(listener)) : Result<void>(std::move(listener).error());
    const Message answer =
        added.ok() ? Message{MessageType::listener_taken, 0, "", {}} : Message{MessageType::failed, 0, added.error().text(), {}};
    (void)send_message(peer, answer);
  }

  // ---- requests of `warder`

  void on_request(int connection) {
    Result<Message> received = control_.receive(connection);
    if (!received.ok()) {
      if (connection == starter_ && !control_.is_connection(connection)) starter_ = -1;
      return;
    }
    Message request = *std::move(received);
    if (request.type == MessageType::control_start) return start(connection);
    Result<Message> answer = carry_out(request);
    if (!answer.ok()) answer = Message{MessageType::failed, 0, answer.error().text(), {}};
    control_.answer(connection, *answer);
  }

  /// Answered when the workload has executed, or could not.
  void start(int connection) {
    const bool possible = peer_open_ && starter_ < 0 && !start_sent_;
    if (possible && names_ && !names_known_) take_names();
    if (possible && send_message(peer, {MessageType::start, 0, "", {}}).ok()) {
      start_sent_ = true;
      starter_ = connection;
      return;
    }
    control_.answer(connection, {MessageType::failed, 0, "cannot start an already running container", {}});
  }

  /// As the engine has written them by now. The workload may be able to write these files, but has not run yet.
  void take_names() {
    names_known_ = true;
    const auto text_of = [](int number) {
      Fd file(::fcntl(number, F_GETFD) < 0 ? -1 : number);
      Result<std::string> text = file ? kernel::read_all(file) : Result<std::string>(std::string());
      return text.ok() ? *std::move(text) : std::string();
    };
    names_->known.take_files(text_of(resolv_conf_fd), text_of(hosts_fd));
  }

  Result<Message> carry_out(Message& request) {
    Message done{MessageType::done, 0, "", {}};
    switch (request.type) {
      case MessageType::control_session:
        if (request.fds.size() != 1) return Error::bug("an exec session hands over one listener");
        if (duty_ == Duty::reap) return Error::bug("this profile has no listener");
        WARDER_TRY(add_listener(std::move(request.fds.front())));
        return done;
      case MessageType::control_quiesce:
        WARDER_TRY(quiesce());
        return done;
      case MessageType::control_resume:
        pool_.resume();
        return done;
      case MessageType::control_boot: {
        done.fds.emplace_back(::fcntl(boot_fd, F_DUPFD_CLOEXEC, 0));
        if (!done.fds.back()) return Error::syscall("fcntl");
        return done;
      }
      case MessageType::control_kill:
        WARDER_TRY(kernel::send_signal(workload, static_cast<int>(request.number)));
        return done;
      case MessageType::control_policy:
        if (request.fds.size() != 1) return Error::bug("a profile comes in one descriptor");
        WARDER_TRY(change_policy(request.fds.front()));
        return done;
      case MessageType::control_usage:
        if (duty_ == Duty::reap) return done;  // nothing is counted
        done.fds.push_back(WARDER_TRY(usage()));
        return done;
      default:
        return Error::bug("PID 1 does not know this request");
    }
  }

  /// Between two answers: every call that was received is answered by the old profile, every later one by the new.
  Result<void> change_policy(BorrowedFd file) {
    std::unique_ptr<SealedBlock> block = WARDER_TRY(SealedBlock::map(file));
    const policy::Compiled policy = WARDER_TRY(policy::Compiled::open(block->bytes()));
    if (duty_ == Duty::reap) return Error::bug("nothing of this container's profile is decided by PID 1");
    if (policy.checks_exec() != policy_.checks_exec()) return Error::bug("how programs are checked cannot change");
    if (policy.names_hosts() && !names_)
      return Error::user("a running container cannot begin to be told names; start it with the profile");
    WARDER_TRY(quiesce());
    exec_stop_.change_policy(policy);
    policy_ = policy;
    block_.swap(block);
    pool_.resume();
    return {};
  }

  Result<Fd> usage() {
    Fd file(::memfd_create("usage", MFD_CLOEXEC));
    if (!file) return Error::syscall("memfd_create");
    const std::string text = audit_.usage().text();
    std::string_view rest = text;
    while (!rest.empty()) {
      const ssize_t written = ::write(file.get(), rest.data(), rest.size());
      if (written < 0 && errno != EINTR) return Error::syscall("write");
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
  }

  Result<void> quiesce() {
    if (duty_ == Duty::reap) return {};
    WARDER_TRY(exec_stop_.start());
    if (pool_.quiesce()) return {};
    pool_.resume();
    return Error(Fault::environment, "a process of the container waits in a call that PID 1 is carrying out");
  }

  const Boot boot_;
  policy::Compiled policy_;             ///< changes only while no worker runs
  std::unique_ptr<SealedBlock> block_;  ///< what policy_ looks into, where it is not the first one
  const Duty duty_;
  const pid_t pid_;
  Fd root_;
  Fd signals_;
  AuditLog audit_;
  ExecStop exec_stop_;
  std::unique_ptr<names::PrivateSockets> private_sockets_;
  std::unique_ptr<names::NameService> names_;  ///< where the profile names hosts
  network::PeerProcesses peers_;
  WorkerPool pool_;
  ControlSocket control_;
  bool peer_open_ = true;
  bool start_sent_ = false;
  bool names_known_ = false;
  bool executing_ = false;
  int starter_ = -1;  ///< the connection that waits for the start
};

/// What takes privileges; afterwards PID 1 has only what its duty needs.
Result<std::unique_ptr<Supervisor>> prepare(Boot boot, const policy::Compiled& policy) {
  WARDER_TRY(leave_the_runtime());
  const kernel::PeerCredentials creator = WARDER_TRY(kernel::peer_credentials(runtime));
  const pid_t pid = WARDER_TRY(workload_pid());
  WARDER_TRY(set_oom_scores(boot, procfs, pid));
  Fd root = WARDER_TRY(kernel::open_path("/", O_PATH | O_DIRECTORY));
  Fd signals = WARDER_TRY(take_signals(workload));
  const auto confine = [&boot, &policy]() -> Result<void> {
    WARDER_TRY(drop_capabilities(boot, duty_of(policy)));
    return install_own_filter(duty_of(policy), policy.names_hosts() ? OwnSockets::internet : OwnSockets::none);
  };
  std::unique_ptr<names::PrivateSockets> private_sockets;
  if (policy.names_hosts()) {
    private_sockets = std::make_unique<names::PrivateSockets>();
    WARDER_TRY_WITH(private_sockets->start(confine), "network of names");
  }
  Fd socket_diag = duty_of(policy) == Duty::reap ? Fd() : network::PeerProcesses::socket_diag();
  WARDER_TRY(confine());
  const ControlPeer peer{creator.uid, boot.private_pid_namespace};
  auto supervisor = std::make_unique<Supervisor>(std::move(boot), policy, pid, std::move(root), std::move(signals),
                                                 std::move(private_sockets), std::move(socket_diag), peer);
  WARDER_TRY(supervisor->start_threads());
  return supervisor;
}

int fail(const Error& error) {
  (void)send_message(runtime, {MessageType::failed, static_cast<std::uint64_t>(error.code()), "pid 1: " + error.text(), {}});
  return 1;
}

}  // namespace

int supervise() {
  Result<Boot> loaded = load_boot();
  if (!loaded.ok()) return fail(loaded.error());
  const Result<std::span<const std::byte>> block = keep_read_only(loaded->compiled);
  if (!block.ok()) return fail(block.error());
  loaded->compiled = {};
  Result<policy::Compiled> policy = policy::Compiled::open(*block);
  if (!policy.ok()) return fail(policy.error());
  Boot boot = *std::move(loaded);
  // Of the process only the OOM score is PID 1's business.
  const std::optional<std::int32_t> score = boot.process.oom_score_adj;
  boot.process = ProcessPlan();
  boot.process.oom_score_adj = score;
  Result<std::unique_ptr<Supervisor>> supervisor = prepare(std::move(boot), *policy);
  if (!supervisor.ok()) return fail(supervisor.error());
  if (!send_message(runtime, {MessageType::ready, 0, "", {}}).ok()) return 1;
  ::close(runtime_fd);
  // Threads are still there when main would return: nothing is destroyed.
  ::_exit((*supervisor)->run());
}

}  // namespace warder::supervisor
