// One more process in a running container. E0 is the host process of `exec`, E1 its child, which joins and becomes
// `warder-init session`; E2, the program, is made by that and is a child of E0. See supervisor/process/session.cc for the rest.
//
// E1 stays outside the container's PID namespace, so that nothing in there can reach it while it holds host descriptors. It takes
// namespaces and root from PID 1, not from the workload, which may have made others for itself since.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "linux/clone.h"
#include "linux/open.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "runtime/container/children.h"
#include "runtime/container/console.h"

namespace warder::runtime {

namespace {

using supervisor::Message;
using supervisor::MessageType;

/// What E1 joins, opened by E0 in front of the fork.
struct Target {
  Fd init, workload;                  ///< pidfds
  Fd root;                            ///< PID 1's root directory
  int outer = 0;                      ///< CLONE_NEW* of what is PID 1's: all but pid and time, as far as it differs from our own
  int inner = 0;                      ///< the same of the workload's: pid, time
  std::optional<FirstIds> first_ids;  ///< of another user namespace
};

Result<Fd> open_same_process(const ProcessIdentity& identity) {
  Fd pidfd = WARDER_TRY(kernel::open_pidfd(identity.pid));
  if (!still_alive(identity)) return Error::syscall("pidfd_open", ESRCH);
  return pidfd;
}

/// setns(2) refuses the own user namespace, and rootless any namespace of the host's: what we share already is left out.
Result<int> flag_if_other(pid_t pid, NamespaceType type) {
  std::string name(namespace_proc_name(type));
  struct stat own {};
  struct stat other {};
  if (::stat(("/proc/self/ns/" + name).c_str(), &own) < 0) {
    if (errno == ENOENT) return 0;  // a kernel without this type
    return Error::syscall("stat of a namespace");
  }
  if (::stat(("/proc/" + std::to_string(pid) + "/ns/" + name).c_str(), &other) < 0) return Error::syscall("stat of a namespace");
  return own.st_ino == other.st_ino && own.st_dev == other.st_dev ? 0 : clone_flag(type);
}

Result<Target> open_target(const ContainerState& container) {
  constexpr NamespaceType outer[] = {NamespaceType::user, NamespaceType::mount, NamespaceType::network,
                                     NamespaceType::ipc,  NamespaceType::uts,   NamespaceType::cgroup};
  Target target;
  Result<Fd> init = open_same_process(container.init);
  Result<Fd> workload = open_same_process(container.workload);
  if (!init || !workload) return Error(Fault::user, "container not running");
  target.init = *std::move(init);
  target.workload = *std::move(workload);
  target.root = WARDER_TRY(kernel::open_path("/proc/" + std::to_string(container.init.pid) + "/root", O_PATH | O_DIRECTORY));
  for (NamespaceType type : outer) target.outer |= WARDER_TRY(flag_if_other(container.init.pid, type));
  if ((target.outer & CLONE_NEWUSER) != 0) {
    target.first_ids = WARDER_TRY(first_ids("/proc/" + std::to_string(container.init.pid)));
  }
  for (NamespaceType type : {NamespaceType::pid, NamespaceType::time}) {
    target.inner |= WARDER_TRY(flag_if_other(container.workload.pid, type));
  }
  return target;
}

Result<void> enter(const Target& target) {
  // From outside the PID namespace is ours to enter before the user namespace, rootless only after it.
  bool entered = target.inner == 0 || ::setns(target.workload.get(), target.inner) == 0;
  if (!entered && errno != EPERM) return Error::syscall("setns to the container's PID namespace");
  if (::setns(target.init.get(), target.outer) < 0) return Error::syscall("setns to the container's namespaces");
  if (!entered && ::setns(target.workload.get(), target.inner) < 0)
    return Error::syscall("setns to the container's PID namespace");
  if ((target.outer & CLONE_NEWUSER) != 0) WARDER_TRY(become_namespace_root(target.first_ids));
  if (::fchdir(target.root.get()) < 0 || ::chroot(".") < 0 || ::chdir("/") < 0)
    return Error::syscall("enter the container's root");
  return kernel::become_undumpable();
}

Result<void> take_console(const SessionRequest& request) {
  if (!request.console_socket.valid()) return take_stdio(nullptr, request.boot.process.uid);
  Fd root = WARDER_TRY(kernel::open_path("/", O_PATH | O_DIRECTORY));
  Console console = WARDER_TRY(open_console(root, request.console_size));
  WARDER_TRY(send_console(request.console_socket, console));
  return take_stdio(&console, request.boot.process.uid);
}

/// While the host's procfs still knows this process; E2 inherits it.
Result<void> set_oom_score(BorrowedFd own_directory, std::int32_t score) {
  Fd file = WARDER_TRY(kernel::open_beneath(own_directory, "oom_score_adj", O_WRONLY));
  return kernel::write_once(file, std::to_string(score));
}

/// E1.
[[noreturn]] void become_session(const SessionRequest& request, const Target& target, const CgroupEntrance& cgroup,
                                 BorrowedFd boot, Fd runtime) {
  if (Result<void> entered = cgroup.enter(); !entered) fail_child(runtime, std::move(entered).error().with("cgroup"));
  // The container's /proc will not know this process, and a label is written through a process's own directory.
  Result<Fd> own_directory = kernel::open_path("/proc/self", O_PATH | O_DIRECTORY);
  if (!own_directory) fail_child(runtime, own_directory.error());
  if (const auto score = request.boot.process.oom_score_adj) {
    if (Result<void> set = set_oom_score(*own_directory, *score); !set) {
      fail_child(runtime, std::move(set).error().with("oom_score_adj"));
    }
  }
  if (Result<void> entered = enter(target); !entered) fail_child(runtime, entered.error());
  if (Result<void> taken = take_console(request); !taken) fail_child(runtime, taken.error());
  std::vector<PlacedFd> placed{{boot.get(), supervisor::boot_fd}, {runtime.get(), supervisor::runtime_fd}};
  const supervisor::ProcessPlan& plan = request.boot.process;
  bool labelled = !plan.apparmor_profile.empty() || !plan.selinux_label.empty();
  if (labelled) placed.push_back({own_directory->get(), supervisor::procfs_fd});
  fail_child(runtime, execute_init(request.init_binary, "session", placed, plan.preserve_fds));
}

/// E0's side of the conversation. Ends E1 and E2 unless release() was reached.
class Session {
 public:
  Session(const SessionRequest& request, kernel::Cloned joiner, Fd socket)
      : request_(request), joiner_(std::move(joiner)), socket_(std::move(socket)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (joiner_.pidfd) end(joiner_.pidfd);
    if (program_.pidfd) end(program_.pidfd);
  }

  Result<LaunchedProcess> run() {
    while (wait_for_message()) {
      Result<Message> message = supervisor::receive_message(socket_);
      if (!message) break;
      if (message->sender == joiner_.pid) {
        WARDER_TRY(hear_joiner(*std::move(message)));
      } else if (program_.pidfd) {
        WARDER_TRY(hear_program(*std::move(message)));
      }
    }
    if (!program_.pidfd) return Error(Fault::environment, "the session ended before it executed anything");
    (void)kernel::wait_exit(joiner_.pidfd);
    joiner_.pidfd.reset();
    return std::exchange(program_, LaunchedProcess{});
  }

 private:
  static void end(BorrowedFd pidfd) {
    (void)kernel::send_signal(pidfd, SIGKILL);
    (void)kernel::wait_exit(pidfd);
  }

  Result<void> say(MessageType type) {
    return supervisor::send_message(socket_, {.type = type, .number = 0, .text = {}, .fds = {}});
  }

  /// False once the program has ended without a word: a process of the container may keep the other end of the socket open.
  [[nodiscard]] bool wait_for_message() const {
    pollfd events[] = {{socket_.get(), POLLIN, 0}, {program_.pidfd.get(), POLLIN, 0}};
    while (::poll(events, 2, -1) < 0 && errno == EINTR) {
    }
    return events[0].revents != 0;
  }

  /// E2 is seen in the container, and whoever may trace there can take its end of the socket, which is E1's as well; but not E1's
  /// name, which the kernel writes on what E1 says. All that others may say is why the program could not be executed, and that
  /// only once E1 has told of it: neither numbers of processes nor of descriptors are taken from them.
  static Result<void> hear_program(Message message) {
    if (message.type != MessageType::failed) return Error(Fault::environment, "the session said something out of turn");
    return Error(Fault::user, std::move(message.text), static_cast<int>(message.number));
  }

  /// E1, which no process of the container can reach.
  Result<void> hear_joiner(Message message) {
    switch (message.type) {
      case MessageType::listener:
        return hand_over(static_cast<int>(message.number));
      case MessageType::engine_listener: {
        Fd listener = WARDER_TRY(kernel::take_fd(joiner_.pidfd, static_cast<int>(message.number)));
        WARDER_TRY(request_.give_listener(listener, joiner_.pid));
        return say(MessageType::listener_taken);
      }
      case MessageType::started: {
        // A child of ours that nobody else reaps: its number cannot be another's yet.
        program_.pidfd = WARDER_TRY(kernel::open_pidfd(static_cast<pid_t>(message.number)));
        Result<ProcessIdentity> identity = identify_process(static_cast<pid_t>(message.number));
        program_.identity = identity ? *identity : ProcessIdentity{static_cast<pid_t>(message.number), 0};
        return set_scheduler(request_.boot.process.scheduler);
      }
      case MessageType::failed:
        return Error(Fault::user, std::move(message.text), static_cast<int>(message.number));
      default:
        return Error::bug("the session said something out of turn");
    }
  }

  /// What a child does not inherit E2 gets from here, while it waits for the end of E1, which waits for our answer.
  Result<void> set_scheduler(const std::optional<supervisor::SchedulerPlan>& wanted) {
    if (!wanted || wanted->inherited()) return {};
    WARDER_TRY_WITH(
        kernel::set_scheduler_of(program_.identity.pid, {wanted->policy, wanted->nice, wanted->priority, wanted->flags,
                                                         wanted->runtime, wanted->deadline, wanted->period}),
        "process.scheduler");
    return say(MessageType::listener_taken);
  }

  /// The session stands still until PID 1 answers its listener.
  Result<void> hand_over(int number) {
    Message request{
        .type = MessageType::control_session, .number = static_cast<std::uint64_t>(joiner_.pid), .text = {}, .fds = {}};
    request.fds.push_back(WARDER_TRY(kernel::take_fd(joiner_.pidfd, number)));
    WARDER_TRY_WITH(supervisor::send_message(request_.control, request), "PID 1");
    Message answer = WARDER_TRY_WITH(supervisor::receive_message(request_.control), "PID 1");
    if (answer.type != MessageType::done) return Error(Fault::environment, "PID 1: " + answer.text);
    return say(MessageType::listener_taken);
  }

  const SessionRequest& request_;
  kernel::Cloned joiner_;
  Fd socket_;
  LaunchedProcess program_;
};

}  // namespace

Result<LaunchedProcess> launch_session(const SessionRequest& request) {
  Target target = WARDER_TRY(open_target(request.container));
  std::vector<std::byte> block = request.boot.serialize();
  Fd boot = WARDER_TRY(kernel::sealed_memfd("boot", {reinterpret_cast<const char*>(block.data()), block.size()}));
  auto [mine, theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  WARDER_TRY(kernel::name_senders(mine));
  if (::geteuid() == 0) WARDER_TRY(kernel::become_undumpable());
  CgroupEntrance cgroup = WARDER_TRY_WITH(request.cgroup.entrance(), "cgroup");
  std::optional<BorrowedFd> birth_place;
  if (cgroup.birth_place) birth_place = cgroup.birth_place;
  auto [gate_mine, gate_theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  kernel::Cloned joiner = WARDER_TRY(kernel::clone_process({.flags = 0, .cgroup_v2 = birth_place}));
  if (joiner.child()) {
    mine.reset();
    gate_mine.reset();
    // Whoever was not born in the cgroup waits until it has been moved there.
    if (char byte = 0; request.cgroup.unified() && !birth_place && ::read(gate_theirs.get(), &byte, 1) != 1) ::_exit(1);
    gate_theirs.reset();
    become_session(request, target, cgroup, boot, std::move(theirs));
  }
  theirs.reset();
  gate_theirs.reset();
  if (request.cgroup.unified() && !birth_place) {
    WARDER_TRY_WITH(request.cgroup.enter(joiner.pid), "cgroup");
    if (::send(gate_mine.get(), "", 1, MSG_NOSIGNAL) != 1) return Error::syscall("release the session");
  }
  return Session(request, std::move(joiner), std::move(mine)).run();
}

}  // namespace warder::runtime
