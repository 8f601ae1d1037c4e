// P2 between clone3 and warder-init: PID 1 of the inner PID namespace. Everything that must be done from inside the container's
// namespaces and before the confinement is done here, with all capabilities and with the host's tree still in reach.
#include <unistd.h>

#include "linux/process.h"
#include "policy/core/compiled.h"
#include "runtime/container/children.h"
#include "runtime/container/hooks.h"

namespace warder::runtime {

namespace {

using supervisor::Message;
using supervisor::MessageType;

Result<ProfileMounts> profile_mounts(const supervisor::Boot& boot) {
  ProfileMounts mounts;
  if (boot.compiled.empty()) return mounts;
  policy::Compiled compiled = WARDER_TRY(policy::Compiled::open(boot.compiled));
  for (std::size_t index = 0; index < compiled.read_only_count(); ++index)
    mounts.read_only.emplace_back(compiled.read_only(index));
  for (std::size_t index = 0; index < compiled.exec_mount_count(); ++index) mounts.exec.push_back(compiled.exec_mount(index));
  return mounts;
}

/// prestart and createRuntime hooks run in the host's namespaces, so P0 runs them, while we wait.
Result<void> run_runtime_hooks(const ChildContext& context) {
  const Hooks& hooks = context.request.spec.hooks;
  if (hooks.prestart.empty() && hooks.create_runtime.empty()) return {};
  WARDER_TRY(
      supervisor::send_message(context.workload_runtime, {.type = MessageType::started, .number = 0, .text = {}, .fds = {}}));
  Message answer = WARDER_TRY(supervisor::receive_message(context.workload_runtime));
  return answer.type == MessageType::start ? Result<void>() : Result<void>(Error(Fault::user, answer.text));
}

Result<void> build(ChildContext& context, pid_t init_pid) {
  const LaunchRequest& request = context.request;
  if (!context.plan.new_pid) WARDER_TRY(kernel::die_with_parent());
  RootfsBuilder rootfs(request.spec, request.bundle, request.rootfs, context.plan, request.cgroup.state(), context.trees);
  WARDER_TRY(rootfs.build());
  WARDER_TRY(run_runtime_hooks(context));
  if (!request.spec.hooks.create_container.empty()) {
    WARDER_TRY(run_hooks("createContainer", request.spec.hooks.create_container, request.hook_state(Status::created, init_pid),
                         request.hooks));
  }
  std::optional<Console> console;
  if (request.console_socket.valid()) {
    console = WARDER_TRY(open_console(rootfs.root(), request.spec.process.console_size));
    WARDER_TRY(send_console(request.console_socket, *console));
  }
  ProfileMounts mounts = WARDER_TRY(profile_mounts(request.boot));
  RootChange change = request.no_pivot ? RootChange::move : RootChange::pivot;
  WARDER_TRY(rootfs.seal(mounts, console ? &*console : nullptr, change));
  return take_stdio(console ? &*console : nullptr, request.boot.process.uid);
}

}  // namespace

void become_workload(ChildContext& context, pid_t init_pid) {
  Result<void> built = build(context, init_pid);
  if (!built) fail_child(context.workload_runtime, built.error());
  Result<void> told =
      supervisor::send_message(context.workload_peer, {.type = MessageType::started, .number = 0, .text = {}, .fds = {}});
  if (!told) fail_child(context.workload_runtime, std::move(told).error().with("PID 1"));
  const HookSurroundings& hooks = context.request.hooks;
  const bool in_container = !context.request.spec.hooks.start_container.empty();
  const PlacedFd placed[] = {{context.boot.get(), supervisor::boot_fd},
                             {context.workload_runtime.get(), supervisor::runtime_fd},
                             {context.workload_peer.get(), supervisor::peer_fd},
                             {in_container ? hooks.standard_output.get() : -1, supervisor::hook_output_fd},
                             {in_container ? hooks.standard_error.get() : -1, supervisor::hook_error_fd}};
  Error error = execute_init(context.request.init_binary, "workload", placed, context.request.boot.process.preserve_fds);
  fail_child(context.workload_runtime, error);
}

}  // namespace warder::runtime
