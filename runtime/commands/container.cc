// Finding, judging and destroying an existing container. The host process of a command.
#include "runtime/commands/container.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>

#include "linux/process.h"
#include "linux/socket.h"
#include "runtime/cgroups/resctrl.h"
#include "runtime/container/hooks.h"

namespace warder::runtime {
namespace {

constexpr int patience_ms = 10'000;

/// Ends PID 1 by ending the workload, so that it can finish its audit log; by SIGKILL where it does not follow.
Result<void> kill_processes(const Container& container) {
  auto init = open_process(container.state.init);
  auto workload = open_process(container.state.workload);
  if (workload.ok()) static_cast<void>(kernel::send_signal(*workload, SIGKILL));
  Cgroup cgroup = container.cgroup();
  // A frozen process dies when it is thawed; cgroup.kill knows nothing of the v1 freezer.
  if (cgroup.enabled()) static_cast<void>(cgroup.thaw());
  if (init.ok() && container.state.private_pid_namespace && workload.ok() && wait_gone(*init, patience_ms)) {
    return cgroup.kill_all();
  }
  if (init.ok()) static_cast<void>(kernel::send_signal(*init, SIGKILL));
  WARDER_TRY_WITH(cgroup.kill_all(), "kill");
  if (init.ok() && !wait_gone(*init, patience_ms)) return Error(Fault::environment, "PID 1 does not end");
  return {};
}

Result<void> run_poststop(const ContainerState& state) {
  HookOutput output = WARDER_TRY(HookOutput::open(state.annotations));
  return run_hooks("poststop", state.poststop, oci_state_json(state, Status::stopped, 0), output.in(state.bundle));
}

}  // namespace

Result<Container> Container::open(const StateRoot& root, const std::string& id) {
  StateDirectory directory = WARDER_TRY(StateDirectory::open(root, id));
  ContainerState state = WARDER_TRY(directory.load());
  return Container{std::move(directory), std::move(state)};
}

Result<Container> Container::open_locked(const StateRoot& root, const std::string& id) {
  StateDirectory directory = WARDER_TRY(StateDirectory::open(root, id));
  WARDER_TRY(directory.lock());
  ContainerState state = WARDER_TRY(directory.load());
  return Container{std::move(directory), std::move(state)};
}

Status Container::status() const {
  if (!state.init.known()) return Status::creating;
  if (!still_alive(state.init)) return Status::stopped;
  auto frozen = cgroup().frozen();
  if (frozen.ok() && *frozen) return Status::paused;
  return directory.started() ? Status::running : Status::created;
}

Result<Fd> Container::connect_supervisor() const {
  return WARDER_TRY_WITH(kernel::connect_seqpacket(directory.fd(), "control.sock"), "reach PID 1");
}

Result<supervisor::Message> ask_supervisor(BorrowedFd control, const supervisor::Message& request) {
  WARDER_TRY_WITH(supervisor::send_message(control, request), "ask PID 1");
  supervisor::Message answer = WARDER_TRY_WITH(supervisor::receive_message(control), "answer of PID 1");
  if (answer.type == supervisor::MessageType::done) return answer;
  return Error(Fault::environment, answer.text.empty() ? "PID 1 refused" : answer.text);
}

Result<Fd> open_process(const ProcessIdentity& process) {
  if (!process.known()) return Error::syscall("pidfd_open", ESRCH);
  Fd pidfd = WARDER_TRY(kernel::open_pidfd(process.pid));
  // The number may have been reused before the pidfd was opened; from here on it cannot change.
  if (!still_alive(process)) return Error::syscall("pidfd_open", ESRCH);
  return pidfd;
}

bool wait_gone(BorrowedFd pidfd, int milliseconds) {
  pollfd entry{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, milliseconds);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Result<void> destroy(Container& container, const Log& log) {
  Result<void> first = kill_processes(container);
  auto keep = [&first](Result<void> next) {
    if (first.ok() && !next.ok()) first = std::move(next);
  };
  if (!container.state.poststop.empty()) {
    auto hooks = run_poststop(container.state);
    if (!hooks.ok()) log.error(hooks.error().text());
  }
  keep(container.cgroup().remove());
  keep(remove_resctrl_group(container.state.resctrl_groups));
  keep(container.directory.remove());
  return first;
}

Result<void> destroy_unless_gone(Container& container, const Log& log) {
  auto locked = container.directory.lock();
  if (!locked.ok()) return locked.error().code() == ENOENT ? Result<void>() : std::move(locked);
  auto state = container.directory.load();
  if (!state.ok()) return state.error().code() == ENOENT ? Result<void>() : Result<void>(std::move(state).error());
  container.state = *std::move(state);
  return destroy(container, log);
}

}  // namespace warder::runtime
