// P1 between clone3 and warder-init: PID 1 of the outer PID namespace (or a process of the host's where config.json asks for
// that).
//
// It has every new namespace of the container except the inner PID namespace, and keeps the host's tree in reach until P2 has
// pivoted. It must not execute earlier: a thread that copies its root just while pivot_root(2) replaces roots would keep the
// host's.
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "linux/mount.h"
#include "linux/open.h"
#include "linux/process.h"
#include "runtime/container/children.h"
#include "runtime/container/joined_clone.h"

namespace warder::runtime {

namespace {

using supervisor::Message;
using supervisor::MessageType;

/// A private procfs of P1's own PID namespace; nothing can be mounted over it. Where a user namespace shares the host's PID
/// namespace the kernel makes no second one, and the host's is used by descriptor.
Result<Fd> private_procfs(const NamespacePlan& plan, Fd host_proc) {
  if (plan.in_user_namespace() && !plan.new_pid) {
    struct statfs status {};
    if (::fstatfs(host_proc.get(), &status) < 0) return Error::syscall("fstatfs");
    if (status.f_type != PROC_SUPER_MAGIC) return Error::user("/proc of the host is no procfs");
    return host_proc;
  }
  kernel::FilesystemContext filesystem = WARDER_TRY(kernel::FilesystemContext::open("proc"));
  return filesystem.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

Result<void> write_time_offsets(const Spec& spec, BorrowedFd host_proc) {
  if (spec.linux_.time_offsets.empty()) return {};
  std::string lines;
  for (const auto& [clock, offset] : spec.linux_.time_offsets) {
    lines += clock + " " + std::to_string(offset.seconds) + " " + std::to_string(offset.nanoseconds) + "\n";
  }
  // Our own procfs files are root's while we are undumpable, and root of a user namespace is not that root. Nobody else is in our
  // namespaces yet who could use the moment.
  if (::prctl(PR_SET_DUMPABLE, 1) < 0) return Error::syscall("prctl PR_SET_DUMPABLE");
  Fd file(::openat(host_proc.get(), "self/timens_offsets", O_WRONLY | O_CLOEXEC));
  if (!file) return Error::syscall("openat '/proc/self/timens_offsets'");
  WARDER_TRY(kernel::write_once(file, lines));
  return kernel::become_undumpable();
}

Result<void> enter_namespaces(const ChildContext& context, BorrowedFd host_proc) {
  const NamespacePlan& plan = context.plan;
  WARDER_TRY_WITH(context.cgroup.enter(), "cgroup");
  const Linux& linux_ = context.request.spec.linux_;
  std::optional<FirstIds> first;
  if (plan.new_user()) first = FirstIds{.uid = linux_.uid_mappings[0].container_id, .gid = linux_.gid_mappings[0].container_id};
  if (plan.in_user_namespace()) WARDER_TRY(become_namespace_root(first));
  WARDER_TRY(kernel::become_undumpable());
  if (!plan.needs_intermediate()) WARDER_TRY(join(plan.all_joined()));
  if (plan.new_cgroup && ::unshare(CLONE_NEWCGROUP) < 0) return Error::syscall("unshare CLONE_NEWCGROUP");
  if (plan.new_time) {
    if (::unshare(CLONE_NEWTIME) < 0) return Error::syscall("unshare CLONE_NEWTIME");
    WARDER_TRY_WITH(write_time_offsets(context.request.spec, host_proc), "timeOffsets");
  }
  return {};
}

Result<kernel::Cloned> make_workload(const NamespacePlan& plan) {
  std::vector<const JoinedNamespace*> joined;
  if (plan.joined_pid) joined.push_back(&*plan.joined_pid);
  return clone_in(joined, plan.new_pid ? std::uint64_t{CLONE_NEWPID} : 0);
}

/// After P2 has replaced the root. With pivot_root the kernel has moved ours as well; a moved root mount stands on top of it.
Result<void> enter_root(const LaunchRequest& request) {
  if (!request.no_pivot) {
    if (::chdir("/") < 0) return Error::syscall("chdir");
    return {};
  }
  // ".." of the root is the root, but the kernel then enters what is mounted on it.
  if (::chdir("/..") < 0 || ::chroot(".") < 0) return Error::syscall("chroot");
  return {};
}

Result<void> prepare(ChildContext& context, Fd& procfs, Fd& workload) {
  Message start = WARDER_TRY(supervisor::receive_message(context.init_runtime));
  if (start.type != MessageType::start) return Error::bug("PID 1 was told something else than to start");
  // pivot_root moves the working directory of every process that stands exactly in the old root. Before we become the user
  // namespace's root, to whom a machine's "/" of mode 0700 is closed; whoever joins a mount namespace is put into its root
  // anyway.
  if (::chdir("/") < 0) return Error::syscall("chdir");
  if (context.plan.in_user_namespace()) context.trees.dev = WARDER_TRY(kernel::open_path("/dev", O_PATH | O_DIRECTORY));
  Fd host_proc = WARDER_TRY(kernel::open_path("/proc", O_PATH | O_DIRECTORY));
  WARDER_TRY(enter_namespaces(context, host_proc));
  procfs = WARDER_TRY_WITH(private_procfs(context.plan, std::move(host_proc)), "procfs of PID 1");
  kernel::Cloned child = WARDER_TRY_WITH(make_workload(context.plan), "workload process");
  if (child.child()) {
    context.init_runtime.reset();
    context.init_peer.reset();
    become_workload(context, static_cast<pid_t>(start.number));
  }
  context.workload_runtime.reset();
  context.workload_peer.reset();
  Message born{.type = MessageType::started, .number = 0, .text = {}, .fds = {}};
  born.fds.push_back(Fd(::fcntl(child.pidfd.get(), F_DUPFD_CLOEXEC, 0)));
  WARDER_TRY(supervisor::send_message(context.init_runtime, born));
  workload = std::move(child.pidfd);
  Result<Message> rooted = supervisor::receive_message(context.init_peer);
  if (!rooted) ::_exit(1);  // P2 has told P0 why
  return enter_root(context.request);
}

}  // namespace

void become_init(ChildContext& context) {
  Fd procfs;
  Fd workload;
  if (Result<void> prepared = prepare(context, procfs, workload); !prepared) fail_child(context.init_runtime, prepared.error());
  const PlacedFd placed[] = {{context.boot.get(), supervisor::boot_fd},
                             {context.init_runtime.get(), supervisor::runtime_fd},
                             {context.init_peer.get(), supervisor::peer_fd},
                             {context.request.control_socket.get(), supervisor::control_fd},
                             {context.request.audit_log.get(), supervisor::audit_fd},
                             {procfs.get(), supervisor::procfs_fd},
                             {workload.get(), supervisor::workload_pidfd},
                             {context.request.resolv_conf.get(), supervisor::resolv_conf_fd},
                             {context.request.hosts.get(), supervisor::hosts_fd}};
  fail_child(context.init_runtime, execute_init(context.request.init_binary, "supervise", placed, 0));
}

}  // namespace warder::runtime
