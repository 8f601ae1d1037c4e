// `warder exec`: one more program in a running container, answered by the same PID 1 and bound by the same profile.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <vector>

#include "linux/open.h"
#include "runtime/commands/console_socket.h"
#include "runtime/commands/container.h"
#include "runtime/commands/foreground.h"
#include "runtime/commands/home_directory.h"
#include "runtime/commands/preserved_fds.h"
#include "runtime/commands/running_profile.h"
#include "runtime/commands/seccomp_agent.h"
#include "runtime/commands/session.h"
#include "runtime/container/launch.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

class Exec : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container").required();
    app.add_option("-p,--process", session_.process_file, "JSON file with an OCI process object");
    app.add_flag("-d,--detach", detach_, "do not wait");
    app.add_option("--pid-file", pid_file_, "file for the process id");
    app.add_option("--console-socket", console_socket_, "UNIX socket that gets the terminal's master");
    app.add_option("--pidfd-socket", pidfd_socket_, "UNIX socket that gets a pidfd of the process");
    app.add_option("--cwd", session_.cwd, "directory to start in");
    app.add_option("-e,--env", session_.env, "NAME=VALUE; may be repeated").one_at_a_time();
    app.add_flag("-t,--tty", session_.tty, "give it a terminal");
    app.add_option("-u,--user", session_.user, "UID or UID:GID");
    app.add_option("-g,--additional-gids", session_.additional_gids, "one more group; may be repeated").one_at_a_time();
    app.add_option("-c,--cap", session_.capabilities, "one more capability; may be repeated").one_at_a_time();
    app.add_flag("--no-new-privs", session_.no_new_privileges, "set no_new_privs");
    app.add_option("--apparmor", session_.apparmor_profile, "AppArmor profile");
    app.add_option("--process-label", session_.selinux_label, "SELinux label");
    app.add_option("--preserve-fds", session_.preserve_fds, "pass descriptors 3 to 3+N-1 on").between(0, 900);
    app.add_option("--cgroup", cgroups_, "PATH or CONTROLLERS:PATH below the container's cgroup; may be repeated")
        .one_at_a_time();
    app.add_flag("--ignore-paused", ignore_paused_, "go on in a paused container (the program waits until it is resumed)");
    app.add_ignored_flag("--no-subreaper");
  }
  [[nodiscard]] bool has_tail() const override { return true; }
  [[nodiscard]] int failure_code() const override { return 255; }

  Result<int> run(const Context& context) override {
    session_.args = tail;
    WARDER_TRY(check_preserved_fds(session_.preserve_fds));
    Container container = WARDER_TRY(Container::open(context.root, id_));
    WARDER_TRY(check_status(container));
    Fd control = WARDER_TRY(container.connect_supervisor());
    supervisor::Boot boot = WARDER_TRY(ask_for_boot(control));
    uid_t container_uid = boot.process.uid;
    SessionPlan plan = WARDER_TRY(plan_session(context, session_, std::move(boot)));
    // PID 1 stands in the container's root.
    auto root = kernel::open_path(fmt::format("/proc/{}/root", container.state.init.pid), O_PATH | O_DIRECTORY);
    change_home(plan.boot.process.env, root.ok() ? BorrowedFd(*root) : BorrowedFd(-1), container_uid, plan.boot.process.uid);
    std::optional<OwnTerminal> terminal;
    Fd console = WARDER_TRY(console_of(plan, terminal));
    Cgroup cgroup = cgroups_.empty() ? WARDER_TRY_WITH(container.cgroup().for_session(container.state.workload.pid), "cgroup")
                                     : container.cgroup();
    for (const std::string& place : cgroups_) cgroup = WARDER_TRY_WITH(cgroup.below(place), "--cgroup");
    Fd init_binary = WARDER_TRY_WITH(open_init_binary(), "warder-init");
    SessionRequest request{.container = container.state,
                           .boot = plan.boot,
                           .init_binary = init_binary,
                           .control = control,
                           .console_socket = terminal ? terminal->sender() : BorrowedFd(console),
                           .console_size = plan.console_size,
                           .cgroup = cgroup,
                           .give_listener = {}};
    Fd agent;
    if (const supervisor::ProcessPlan& process = plan.boot.process; !process.seccomp_agent.empty()) {
      agent = WARDER_TRY(connect_seccomp_agent(process.seccomp_agent));
      request.give_listener = [&](BorrowedFd listener, pid_t pid) {
        return give_listener(agent, listener, pid, process.seccomp_metadata,
                             oci_state_json(container.state, container.status(), container.state.init.pid));
      };
    }
    LaunchedProcess process = WARDER_TRY(launch_session(request));
    context.log.debug(fmt::format("container '{}': the session is process {}", id_, process.identity.pid));
    if (!pidfd_socket_.empty()) WARDER_TRY_WITH(send_pidfd(pidfd_socket_, process.pidfd), "--pidfd-socket");
    return follow(process, terminal);
  }

 private:
  Result<void> check_status(const Container& container) const {
    Status status = container.status();
    if (status == Status::paused && !ignore_paused_) {
      return Error::user("cannot exec in a paused container: container paused; accepted: --ignore-paused");
    }
    if (status == Status::stopped || status == Status::creating) {
      return Error::user(fmt::format("cannot exec in a container that is {}: container not running", status_word(status)));
    }
    return {};
  }

  Result<Fd> console_of(const SessionPlan& plan, std::optional<OwnTerminal>& terminal) const {
    bool wanted = plan.boot.process.terminal;
    if (!wanted && !console_socket_.empty()) return Error::user("--console-socket without a terminal; accepted: with --tty");
    if (!wanted) return Fd();
    if (!console_socket_.empty()) return connect_console_socket(console_socket_);
    if (detach_) return Error::user("a terminal with --detach; accepted: --console-socket PATH, or no --detach");
    terminal = WARDER_TRY(OwnTerminal::prepare());
    return Fd();
  }

  Result<int> follow(const LaunchedProcess& process, std::optional<OwnTerminal>& terminal) const {
    ForegroundRequest request{.waited = process.pidfd, .signaled = process.pidfd, .terminal_master = {}, .notify = {}};
    if (terminal) request.terminal_master = WARDER_TRY(terminal->take_master());
    if (!pid_file_.empty()) {
      std::string pid = std::to_string(process.identity.pid);
      WARDER_TRY_WITH(replace_text_file(BorrowedFd(AT_FDCWD), pid_file_, pid, 0644), "pid file");
    }
    if (detach_) return 0;
    return serve(std::move(request));
  }

  std::string id_, pid_file_, console_socket_, pidfd_socket_;
  std::vector<std::string> cgroups_;
  SessionOptions session_;
  bool detach_ = false, ignore_paused_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_exec() { return std::make_unique<Exec>(); }

}  // namespace warder::runtime
