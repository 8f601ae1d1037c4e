// Making a container. The host process of `create` and `run`: single-threaded, the caller's own privileges.
//
// Everything that can fail without leaving a trace comes first: config.json, profile, both compiled programs. Then the state
// directory, the cgroup and the processes, in this order; Undo takes them back in reverse.
#include "runtime/commands/create_container.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>

#include "linux/open.h"
#include "linux/process.h"
#include "linux/socket.h"
#include "runtime/cgroups/resctrl.h"
#include "runtime/commands/console_socket.h"
#include "runtime/commands/container_plan.h"
#include "runtime/commands/interruption.h"
#include "runtime/commands/notify_socket.h"
#include "runtime/commands/preserved_fds.h"
#include "runtime/commands/resolver_files.h"
#include "runtime/commands/seccomp_agent.h"
#include "runtime/config/parse.h"
#include "runtime/container/hook_check.h"
#include "runtime/container/hooks.h"
#include "runtime/state/profile_snapshot.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

Result<std::string> absolute_path(const std::string& path) {
  std::unique_ptr<char, decltype(&::free)> resolved(::realpath(path.c_str(), nullptr), &::free);
  if (resolved == nullptr) return Error::syscall(fmt::format("realpath '{}'", path));
  return std::string(resolved.get());
}

ContainerState first_state(const Context& context, const CreateOptions& options, const Spec& spec, const ProfileState& profile) {
  ContainerState state;
  state.oci_version = spec.oci_version;
  state.id = options.id;
  state.bundle = options.bundle;
  state.rootfs = spec.root.path;
  state.created = timestamp_now();
  state.owner = ::geteuid();
  state.rootless = context.rootless;
  state.annotations = spec.annotations;
  state.private_pid_namespace = spec.linux_.makes(NamespaceType::pid);
  state.own_user_namespace = spec.linux_.find(NamespaceType::user) != nullptr;
  state.has_terminal = spec.process.terminal;
  state.profile = profile;
  state.poststart = spec.hooks.poststart;
  return state;
}

/// Takes back what a failed creation has made, newest first.
class Undo {
 public:
  Undo(Container& container, const Log& log) : container_(container), log_(log) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (!armed_) return;
    auto destroyed = destroy(container_, log_);
    if (!destroyed.ok()) log_.warning("clean up after a failure: " + destroyed.error().text());
    for (const LaunchedProcess* process : {&processes.workload, &processes.init}) {
      if (process->pidfd) static_cast<void>(kernel::send_signal(process->pidfd, SIGKILL));
    }
  }
  void disarm() { armed_ = false; }

  Launched processes;

 private:
  Container& container_;
  const Log& log_;
  bool armed_ = true;
};

void set_default_timeout(Hooks& hooks, std::uint32_t seconds) {
  for (std::vector<Hook>* list : {&hooks.prestart, &hooks.create_runtime, &hooks.create_container, &hooks.start_container,
                                  &hooks.poststart, &hooks.poststop}) {
    for (Hook& hook : *list) hook.timeout_seconds = hook.timeout_seconds.value_or(seconds);
  }
}

/// To --pidfd-socket and to whom the annotation names.
Result<void> send_pidfds(const CreateOptions& options, const Spec& spec, BorrowedFd pidfd) {
  if (!options.pidfd_socket.empty()) WARDER_TRY_WITH(send_pidfd(options.pidfd_socket, pidfd), "--pidfd-socket");
  auto receiver = spec.annotations.find("run.oci.pidfd_receiver");
  if (receiver != spec.annotations.end()) {
    WARDER_TRY_WITH(send_pidfd(receiver->second, pidfd), "annotation run.oci.pidfd_receiver");
  }
  return {};
}

Result<void> check_console(const Spec& spec, const ConsoleReceiver& console) {
  bool receiver = !console.path.empty() || console.socket.valid();
  if (spec.process.terminal && !receiver) {
    return Error::user("process.terminal is true, so that the terminal needs a receiver; accepted: --console-socket PATH");
  }
  if (!spec.process.terminal && !console.path.empty()) {
    return Error::user("--console-socket is given but process.terminal is false; accepted: both or neither");
  }
  return {};
}

/// A user namespace without mappings holds the caller alone, as the ids that the process asks for.
void map_caller(Spec& spec) {
  Linux& config = spec.linux_;
  if (!config.makes(NamespaceType::user) || !config.uid_mappings.empty()) return;
  config.uid_mappings = {{.container_id = spec.process.user.uid, .host_id = ::geteuid(), .size = 1}};
  config.gid_mappings = {{.container_id = spec.process.user.gid, .host_id = ::getegid(), .size = 1}};
}

struct LaunchSurroundings {
  BorrowedFd rootfs;
  const ConsoleReceiver& console;
  const PolicyPlan& policy;
  const Cgroup& cgroup;
  const std::vector<std::string>& resctrl_tasks;
  BorrowedFd interrupted;
};

Result<void> launch_into(Container& container, Undo& undo, const CreateOptions& options, const Spec& spec, supervisor::Boot& boot,
                         const LaunchSurroundings& around) {
  const ConsoleReceiver& console = around.console;
  OpenSink sink = WARDER_TRY(open_audit_sink(around.policy.audit, container.directory.fd(), options.id));
  boot.audit = std::move(sink.plan);
  Fd control = WARDER_TRY_WITH(kernel::listen_seqpacket(container.directory.fd(), "control.sock"), "control socket");
  Fd init_binary = WARDER_TRY_WITH(open_init_binary(), "warder-init");
  ResolverFiles resolver_files;
  if (around.policy.names_hosts) resolver_files = WARDER_TRY(open_resolver_files(spec, options.bundle));
  Fd console_socket;
  if (!console.path.empty()) console_socket = WARDER_TRY(connect_console_socket(console.path));
  HookOutput hook_output = WARDER_TRY(HookOutput::open(spec.annotations));
  HookSurroundings hook_surroundings = hook_output.in(options.bundle, around.interrupted);
  auto hook_state = [&container](Status status, pid_t pid) { return oci_state_json(container.state, status, pid); };
  Fd agent;
  if (!boot.process.seccomp_agent.empty()) agent = WARDER_TRY(connect_seccomp_agent(boot.process.seccomp_agent));
  auto to_agent = [&](BorrowedFd listener, pid_t pid) {
    return give_listener(agent, listener, pid, boot.process.seccomp_metadata, hook_state(Status::creating, pid));
  };
  if (!boot.process.start_container_hooks.empty()) {
    boot.process.hook_state = oci_state_json(container.state, Status::created, boot.private_pid_namespace ? 1 : 0);
  }
  LaunchRequest request{.spec = spec,
                        .id = options.id,
                        .bundle = options.bundle,
                        .rootfs = around.rootfs,
                        .boot = boot,
                        .init_binary = init_binary,
                        .control_socket = control,
                        .audit_log = sink.fd,
                        .resolv_conf = resolver_files.resolv_conf,
                        .hosts = resolver_files.hosts,
                        .console_socket = console.socket.valid() ? console.socket : BorrowedFd(console_socket),
                        .cgroup = around.cgroup,
                        .resctrl_tasks = around.resctrl_tasks,
                        .hooks = hook_surroundings,
                        .no_pivot = options.no_pivot,
                        .hook_state = hook_state,
                        .give_listener = to_agent,
                        .interrupted = around.interrupted};
  undo.processes = WARDER_TRY(launch(request));
  container.state.init = undo.processes.init.identity;
  container.state.workload = undo.processes.workload.identity;
  return {};
}

}  // namespace

void CreateOptions::define(Options& app) {
  app.add_option("ID", id, "the container's id: letters, digits, '_', '+', '-' and '.'").required();
  app.add_option("-b,--bundle", bundle, "directory with config.json").capture_default_str();
  app.add_option("-f,--config", config, "the file to read, relative to the bundle").capture_default_str();
  app.add_option("--console-socket", console_socket, "UNIX socket that gets the terminal's master");
  app.add_option("--pid-file", pid_file, "file for the process id of the container's PID 1");
  app.add_option("--pidfd-socket", pidfd_socket, "UNIX socket that gets a pidfd of the container's PID 1");
  app.add_option("--preserve-fds", preserve_fds, "pass descriptors 3 to 3+N-1 to the workload").between(0, 900);
  app.add_flag("--no-pivot", no_pivot, "move the root mount instead of pivot_root, for a rootfs in memory");
  app.add_flag("--no-new-keyring", no_new_keyring, "share the caller's session keyring");
}

Result<Spec> read_spec(const Context& context, CreateOptions& options) {
  WARDER_TRY(check_preserved_fds(options.preserve_fds));
  std::string physical = WARDER_TRY_WITH(absolute_path(options.bundle), "bundle");
  // State and hooks name the bundle as the caller does, be it by a link.
  if (!options.bundle.starts_with('/')) options.bundle = std::move(physical);
  while (options.bundle.size() > 1 && options.bundle.back() == '/') options.bundle.pop_back();
  std::string path = options.config.starts_with('/') ? options.config : options.bundle + "/" + options.config;
  std::string text = WARDER_TRY_WITH(read_text_file(BorrowedFd(AT_FDCWD), path), "config.json");
  Warnings warnings;
  Spec spec = WARDER_TRY(parse_config(text, options.bundle, warnings));
  for (const std::string& warning : warnings) context.log.warning(warning);
  map_caller(spec);
  spec.root.path = WARDER_TRY_WITH(absolute_path(spec.root.path), "root.path");
  return spec;
}

Result<Created> create_container(const Context& context, const CreateOptions& options, Spec& spec,
                                 const ConsoleReceiver& console) {
  WARDER_TRY(check_container_id(options.id));
  auto manager = service_manager_socket();
  bool notifies = manager && add_notify_directory(spec, *manager, context.root.path + "/" + options.id);
  WARDER_TRY(check_console(spec, console));
  Fd rootfs = WARDER_TRY_WITH(kernel::open_path(spec.root.path, O_PATH | O_DIRECTORY | O_NOFOLLOW), "root.path");
  PolicyPlan policy = WARDER_TRY(plan_policy(context, options.id, spec, rootfs, Detail::enforced));
  if (policy.check_hooks) WARDER_TRY(check_hooks(spec.hooks));
  set_default_timeout(spec.hooks, policy.hook_timeout_seconds);
  Interruption interruption = WARDER_TRY(Interruption::watch());
  StateDirectory directory = WARDER_TRY(StateDirectory::create(context.root, options.id));
  Container container{std::move(directory), first_state(context, options, spec, policy.state)};
  Undo undo(container, context.log);
  WARDER_TRY(replace_text_file(container.directory.fd(), profile_snapshot_file, policy.snapshot, 0600));
  if (notifies) WARDER_TRY(make_notify_directory(container.directory.fd()));
  supervisor::Boot boot = WARDER_TRY(plan_boot(context, options, spec, rootfs, policy));
  CgroupRequest cgroup_request{.id = options.id,
                               .cgroups_path = spec.linux_.cgroups_path,
                               .resources = spec.linux_.resources,
                               .annotations = spec.annotations,
                               .manager = context.options.cgroup_manager,
                               .address_programs = policy.lowered.address_programs,
                               .rootless = context.rootless,
                               .announce = [&container](const CgroupState& cgroup) {
                                 ContainerState announced = container.state;
                                 announced.cgroup = cgroup;
                                 return container.directory.save(announced);
                               }};
  Cgroup cgroup = WARDER_TRY_WITH(Cgroup::create(cgroup_request), "cgroup");
  container.state.cgroup = cgroup.state();
  ResctrlGroup resctrl;
  if (spec.linux_.intel_rdt) resctrl = WARDER_TRY(make_resctrl_group(*spec.linux_.intel_rdt, options.id));
  container.state.resctrl_groups = resctrl.created;
  // From here on hooks may run, so that their counterparts must. `delete --force` can clean up after a creation that was killed
  // half way.
  container.state.poststop = spec.hooks.poststop;
  bool more = !container.state.poststop.empty() || !resctrl.created.empty();
  if (!cgroup.enabled() || more) WARDER_TRY(container.directory.save(container.state));
  LaunchSurroundings around{.rootfs = rootfs,
                            .console = console,
                            .policy = policy,
                            .cgroup = cgroup,
                            .resctrl_tasks = resctrl.tasks,
                            .interrupted = interruption.descriptor()};
  WARDER_TRY(launch_into(container, undo, options, spec, boot, around));
  context.log.debug(fmt::format("container '{}': PID 1 is process {}, the workload {}", options.id, container.state.init.pid,
                                container.state.workload.pid));
  WARDER_TRY(container.directory.save(container.state));
  WARDER_TRY(send_pidfds(options, spec, undo.processes.init.pidfd));
  if (!options.pid_file.empty()) {
    std::string pid = std::to_string(container.state.init.pid);
    WARDER_TRY_WITH(replace_text_file(BorrowedFd(AT_FDCWD), options.pid_file, pid, 0644), "pid file");
  }
  // From here on the container is complete and stays, whatever comes.
  WARDER_TRY(interruption.check());
  undo.disarm();
  return Created{
      .container = std::move(container), .processes = std::move(undo.processes), .console_size = spec.process.console_size};
}

Result<void> start_container(const Container& container) {
  Fd control = WARDER_TRY(container.connect_supervisor());
  WARDER_TRY(ask_supervisor(control, {.type = supervisor::MessageType::control_start, .number = 0, .text = {}, .fds = {}}));
  WARDER_TRY(container.directory.mark_started());
  const std::vector<Hook>& hooks = container.state.poststart;
  if (hooks.empty()) return {};
  HookOutput output = WARDER_TRY(HookOutput::open(container.state.annotations));
  auto ran = run_hooks("poststart", hooks, oci_state_json(container.state, Status::running, container.state.init.pid),
                       output.in(container.state.bundle));
  if (ran.ok()) return {};
  // The specification: a failing poststart hook stops the container.
  auto workload = open_process(container.state.workload);
  if (workload.ok()) static_cast<void>(kernel::send_signal(*workload, SIGKILL));
  return ran;
}

}  // namespace warder::runtime
