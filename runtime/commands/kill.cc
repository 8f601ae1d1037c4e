// `warder kill`: a signal for the first process of the workload, from outside, with the kernel's semantics for an init: one that
// it neither handles nor can ignore (TERM to a plain `sleep`) has no effect, as under every runtime.
#include <fmt/format.h>
#include <signal.h>

#include "linux/process.h"
#include "runtime/commands/container.h"
#include "runtime/commands/matching.h"
#include "runtime/commands/signals.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

class Kill : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container").required();
    app.add_option("SIGNAL", signal_, "name or number").capture_default_str();
    app.add_flag("-a,--all", all_, "signal every process of the container");
    app.add_flag("-r,--regex", regex_, "ID is a regular expression");
  }

  Result<int> run(const Context& context) override {
    auto number = parse_signal(signal_);
    if (!number)
      return Error::user(fmt::format("unknown signal \"{}\"; accepted: a name like TERM or a number from 0 to 64", signal_));
    IdMeaning meaning = regex_ ? IdMeaning::regular_expression : IdMeaning::exact;
    for (const std::string& id : WARDER_TRY(matching_ids(context.root, id_, meaning))) {
      WARDER_TRY(signal_container(context.root, id, *number));
    }
    return 0;
  }

 private:
  Result<void> signal_container(const StateRoot& root, const std::string& id, int number) const {
    Container container = WARDER_TRY(Container::open(root, id));
    Status status = container.status();
    if (status == Status::creating)
      return Error::user(fmt::format("container '{}' is not created yet; container not running", id));
    if (all_) return signal_everything(container, number);
    // Without a PID namespace of its own nothing ends the other processes when the first one is gone.
    if (number == SIGKILL && !container.state.private_pid_namespace) {
      bool left = status != Status::stopped || !WARDER_TRY(container.cgroup().processes()).empty();
      return left ? container.cgroup().kill_all() : not_running(id);
    }
    if (status == Status::stopped) return not_running(id);
    auto workload = open_process(container.state.workload);
    if (!workload.ok()) return not_running(id);
    auto sent = kernel::send_signal(*workload, number);
    if (!sent.ok()) return sent.error().code() == ESRCH ? not_running(id) : std::move(sent);
    // A frozen process dies only when it goes on.
    if (number == SIGKILL && status == Status::paused) return container.cgroup().thaw();
    return {};
  }

  static Error not_running(const std::string& id) {
    return {Fault::user, fmt::format("container '{}': container not running", id), ESRCH};
  }

  /// All but PID 1, which is the supervisor's and ends with the workload.
  static Result<void> signal_everything(const Container& container, int number) {
    for (pid_t pid : WARDER_TRY(container.cgroup().processes())) {
      if (pid == container.state.init.pid) continue;
      auto process = kernel::open_pidfd(pid);
      if (process.ok()) static_cast<void>(kernel::send_signal(*process, number));
    }
    if (number == SIGKILL) return container.cgroup().thaw();
    return {};
  }

  std::string id_, signal_ = "TERM";
  bool all_ = false, regex_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_kill() { return std::make_unique<Kill>(); }

}  // namespace warder::runtime
