// `warder run`: create, start and, in the foreground, wait and delete. The exit code is the workload's.
#include "runtime/commands/create_container.h"
#include "runtime/commands/foreground.h"

namespace warder::runtime {
namespace {

class Run : public Verb {
 public:
  void define(Options& app) override {
    options_.define(app);
    app.add_flag("-d,--detach", detach_, "do not wait");
    app.add_flag("--keep", keep_, "do not delete the container when it has ended");
    app.add_flag("--no-subreaper", no_subreaper_, "leave orphans of the container to the machine's init");
  }

  Result<int> run(const Context& context) override {
    Spec spec = WARDER_TRY(read_spec(context, options_));
    // What comes while the container is made ends the making; what comes later is the workload's.
    if (!detach_) hold_signals();
    if (!detach_ && !no_subreaper_) WARDER_TRY(become_subreaper());
    std::optional<OwnTerminal> terminal;
    if (spec.process.terminal && options_.console_socket.empty()) {
      if (detach_) return Error::user("process.terminal is true with --detach: use --console-socket PATH, or no --detach");
      terminal = WARDER_TRY(OwnTerminal::prepare());
    }
    ConsoleReceiver receiver{.path = options_.console_socket, .socket = terminal ? terminal->sender() : BorrowedFd(-1)};
    Created created = WARDER_TRY(create_container(context, options_, spec, receiver));
    auto code = start_and_wait(created, terminal);
    if (code.ok() && (detach_ || keep_)) return code;
    auto destroyed = destroy_unless_gone(created.container, context.log);
    if (code.ok() && !destroyed.ok()) return std::move(destroyed).error().with("delete");
    return code;
  }

 private:
  Result<int> start_and_wait(Created& created, std::optional<OwnTerminal>& terminal) const {
    ForegroundRequest request{.waited = created.processes.init.pidfd,
                              .signaled = created.processes.workload.pidfd,
                              .terminal_master = {},
                              .notify = {}};
    if (terminal) request.terminal_master = WARDER_TRY(terminal->take_master());
    request.notify = WARDER_TRY(NotifyProxy::open(created.container.directory.fd(), created.container.state.init.pid));
    WARDER_TRY(start_container(created.container));
    // A container that runs belongs to whoever calls next; a `delete --force` must not wait for its end.
    created.container.directory.unlock();
    if (!detach_) return serve(std::move(request));
    if (request.notify) request.notify->wait_until_ready(request.waited);
    return 0;
  }

  CreateOptions options_;
  bool detach_ = false, keep_ = false, no_subreaper_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_run() { return std::make_unique<Run>(); }

}  // namespace warder::runtime
