// P0's side of creating a container: makes P1, answers the children, waits until both are ready. The host process of `create`.
#include "runtime/container/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "linux/clone.h"
#include "linux/network_device.h"
#include "linux/open.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "runtime/container/children.h"
#include "runtime/container/hooks.h"
#include "runtime/container/id_maps.h"
#include "runtime/container/joined_clone.h"

namespace warder::runtime {

namespace {

using supervisor::Message;
using supervisor::MessageType;

constexpr int last_word_milliseconds = 200;

/// P0's ends of the sockets, and what it has learnt of its children. Destroyed before release(), it ends them.
class Children {
 public:
  Children(const LaunchRequest& request, Fd init_socket, Fd workload_socket)
      : request_(request), init_socket_(std::move(init_socket)), workload_socket_(std::move(workload_socket)) {}
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;
  ~Children() {
    if (launched_.workload.pidfd) (void)kernel::send_signal(launched_.workload.pidfd, SIGKILL);
    if (!launched_.init.pidfd) return;
    (void)kernel::send_signal(launched_.init.pidfd, SIGKILL);
    (void)kernel::wait_exit(launched_.init.pidfd);
    if (!launched_.workload.pidfd) return;
    pollfd gone{.fd = launched_.workload.pidfd.get(), .events = POLLIN, .revents = 0};
    (void)::poll(&gone, 1, 10'000);
  }

  void set_init(kernel::Cloned child) {
    init_pid_ = child.pid;
    launched_.init.pidfd = std::move(child.pidfd);
  }
  [[nodiscard]] BorrowedFd init_socket() const { return init_socket_; }

  Result<Launched> wait_ready();

 private:
  Result<void> hear(BorrowedFd socket);
  Result<void> hear_init(Message message);
  Result<void> hear_workload(const Message& message);
  Result<void> run_runtime_hooks();
  Result<void> give_listener(int number);
  [[nodiscard]] Error last_word(Error error) const;

  const LaunchRequest& request_;
  Fd init_socket_, workload_socket_;
  Launched launched_;
  pid_t init_pid_ = 0;
  bool init_ready_ = false, workload_ready_ = false;
};

Result<void> Children::run_runtime_hooks() {
  const Hooks& hooks = request_.spec.hooks;
  std::string state = request_.hook_state(Status::creating, init_pid_);
  WARDER_TRY(run_hooks("prestart", hooks.prestart, state, request_.hooks));
  WARDER_TRY(run_hooks("createRuntime", hooks.create_runtime, state, request_.hooks));
  return supervisor::send_message(workload_socket_, {.type = MessageType::start, .number = 0, .text = {}, .fds = {}});
}

Result<void> Children::give_listener(int number) {
  // P1 has told us of P2 long before; only its message may still wait.
  while (!launched_.workload.pidfd) WARDER_TRY(hear(init_socket_));
  Fd listener = WARDER_TRY(kernel::take_fd(launched_.workload.pidfd, number));
  WARDER_TRY(request_.give_listener(listener, launched_.workload.identity.pid));
  return supervisor::send_message(workload_socket_, {.type = MessageType::listener_taken, .number = 0, .text = {}, .fds = {}});
}

Result<void> Children::hear_init(Message message) {
  if (message.type == MessageType::ready) {
    init_ready_ = true;
    return {};
  }
  if (message.type != MessageType::started || message.fds.size() != 1) return Error::bug("PID 1 said something out of turn");
  launched_.workload.pidfd = std::move(message.fds[0]);
  pid_t pid = WARDER_TRY(kernel::pidfd_number(launched_.workload.pidfd));
  launched_.workload.identity = WARDER_TRY(identify_process(pid));
  return {};
}

Result<void> Children::hear_workload(const Message& message) {
  if (message.type == MessageType::started) return run_runtime_hooks();
  if (message.type == MessageType::engine_listener) return give_listener(static_cast<int>(message.number));
  if (message.type != MessageType::ready) return Error::bug("the workload process said something out of turn");
  workload_ready_ = true;
  return {};
}

Result<void> Children::hear(BorrowedFd socket) {
  bool from_init = socket.get() == init_socket_.get();
  Result<Message> message = supervisor::receive_message(socket);
  if (!message) {
    Error error(Fault::environment, std::string(from_init ? "PID 1" : "the workload process") + " ended before it was ready");
    return from_init ? last_word(std::move(error)) : std::move(error);
  }
  if (message->type == MessageType::failed) {
    Error error(Fault::environment, std::move(message->text), static_cast<int>(message->number));
    return from_init ? last_word(std::move(error)) : std::move(error);
  }
  return from_init ? hear_init(*std::move(message)) : hear_workload(*message);
}

/// When P2 fails, P1 soon fails for want of it: P2's own words are the better ones.
Error Children::last_word(Error error) const {
  pollfd wait{.fd = workload_socket_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, last_word_milliseconds) <= 0) return error;
  Result<Message> message = supervisor::receive_message(workload_socket_);
  if (!message || message->type != MessageType::failed) return error;
  return {Fault::environment, std::move(message->text), static_cast<int>(message->number)};
}

Result<Launched> Children::wait_ready() {
  while (!init_ready_ || !workload_ready_) {
    // A socket that has said `ready` is closed by its owner later and is not listened to any more.
    pollfd sockets[] = {{.fd = init_ready_ ? -1 : init_socket_.get(), .events = POLLIN, .revents = 0},
                        {.fd = workload_ready_ ? -1 : workload_socket_.get(), .events = POLLIN, .revents = 0},
                        {.fd = request_.interrupted.get(), .events = POLLIN, .revents = 0}};
    if (::poll(sockets, 3, -1) < 0) {
      if (errno == EINTR) continue;
      return Error::syscall("poll");
    }
    if (sockets[2].revents != 0) return Error(Fault::environment, "interrupted by a signal");
    if (sockets[1].revents != 0) WARDER_TRY(hear(workload_socket_));
    if (sockets[0].revents != 0) WARDER_TRY(hear(init_socket_));
  }
  launched_.init.identity = WARDER_TRY(identify_process(init_pid_));
  return std::exchange(launched_, Launched{});
}

Result<Fd> boot_memfd(const supervisor::Boot& boot) {
  std::vector<std::byte> block = boot.serialize();
  return kernel::sealed_memfd("boot", {reinterpret_cast<const char*>(block.data()), block.size()});
}

/// Into the namespace that P1 has been born with, or will join.
Result<void> move_net_devices(const Linux& linux_, const NamespacePlan& plan, pid_t pid) {
  Fd own;
  BorrowedFd target(-1);
  for (const JoinedNamespace& one : plan.joined) {
    if (one.type == NamespaceType::network) target = one.fd;
  }
  if (!target.valid()) {
    own = WARDER_TRY(kernel::open_path("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY));
    target = own;
  }
  for (const NetDevice& device : linux_.net_devices) {
    WARDER_TRY_WITH(kernel::move_network_device(device.host_name, target, device.name),
                    "linux.netDevices: move '" + device.host_name + "' into the container");
  }
  return {};
}

/// What P1 needs before it may go on.
Result<void> release_init(const ChildContext& context, pid_t pid, BorrowedFd socket) {
  const LaunchRequest& request = context.request;
  const NamespacePlan& plan = context.plan;
  bool born_inside = context.cgroup.birth_place.valid();
  const Linux& linux_ = request.spec.linux_;
  if (plan.new_user()) WARDER_TRY_WITH(write_id_maps(pid, linux_, choose_map_method(linux_)), "user namespace");
  // v1 is entered by P1 itself, v2 at birth, except through an intermediate or where the caller may not.
  if (request.cgroup.unified() && (plan.needs_intermediate() || !born_inside))
    WARDER_TRY_WITH(request.cgroup.enter(pid), "cgroup");
  for (const std::string& tasks : request.resctrl_tasks) {
    Fd file = WARDER_TRY(kernel::open_path(tasks, O_WRONLY));
    WARDER_TRY_WITH(kernel::write_once(file, std::to_string(pid)), "'" + tasks + "'");
  }
  if (!linux_.net_devices.empty()) WARDER_TRY(move_net_devices(linux_, plan, pid));
  return supervisor::send_message(socket,
                                  {.type = MessageType::start, .number = static_cast<std::uint64_t>(pid), .text = {}, .fds = {}});
}

}  // namespace

Result<Launched> launch(const LaunchRequest& request) {
  auto [init_mine, init_theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  auto [workload_mine, workload_theirs] = WARDER_TRY(kernel::make_seqpacket_pair());
  auto [init_peer, workload_peer] = WARDER_TRY(kernel::make_seqpacket_pair());
  ChildContext context{.request = request,
                       .plan = WARDER_TRY(plan_namespaces(request.spec)),
                       .trees = {},
                       .cgroup = WARDER_TRY_WITH(request.cgroup.entrance(), "cgroup"),
                       .boot = WARDER_TRY(boot_memfd(request.boot)),
                       .init_runtime = std::move(init_theirs),
                       .workload_runtime = std::move(workload_theirs),
                       .init_peer = std::move(init_peer),
                       .workload_peer = std::move(workload_peer)};
  context.trees = WARDER_TRY(open_host_trees(request.spec, request.bundle, request.rootfs, context.plan, request.cgroup.state()));
  // Rootless, the kernel lets us write the maps of a dumpable child only; P1 becomes undumpable as soon as they are written.
  if (::geteuid() == 0) WARDER_TRY(kernel::become_undumpable());
  std::vector<const JoinedNamespace*> joined;
  if (context.plan.needs_intermediate()) joined = context.plan.all_joined();
  kernel::Cloned init = WARDER_TRY_WITH(clone_in(joined, context.plan.clone_flags, context.cgroup.birth_place), "PID 1");
  if (init.child()) {
    init_mine.reset();
    workload_mine.reset();
    become_init(context);
  }
  pid_t pid = init.pid;
  Children children(request, std::move(init_mine), std::move(workload_mine));
  children.set_init(std::move(init));
  context.init_runtime.reset();
  context.workload_runtime.reset();
  context.init_peer.reset();
  context.workload_peer.reset();
  Result<void> released = release_init(context, pid, children.init_socket());
  if (!released && released.error().code() != EPIPE) return std::move(released).error();
  return children.wait_ready();
}

}  // namespace warder::runtime
