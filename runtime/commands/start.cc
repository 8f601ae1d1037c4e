// `warder start`: lets the program of a created container run.
#include <fmt/format.h>

#include "runtime/commands/create_container.h"
#include "runtime/commands/notify_socket.h"

namespace warder::runtime {
namespace {

class Start : public Verb {
 public:
  void define(Options& app) override { app.add_option("ID", id_, "the container").required(); }

  Result<int> run(const Context& context) override {
    Container container = WARDER_TRY(Container::open_locked(context.root, id_));
    Status status = container.status();
    if (status == Status::stopped)
      return Error::user(fmt::format("cannot start a container that has stopped: '{}'; container not running", id_));
    if (status == Status::running || status == Status::paused) {
      return Error::user(fmt::format("cannot start an already running container: '{}' is {}", id_, status_word(status)));
    }
    if (status != Status::created) {
      return Error::user(fmt::format("container '{}' is {}; accepted: one that is created", id_, status_word(status)));
    }
    auto notify = WARDER_TRY(NotifyProxy::open(container.directory.fd(), container.state.init.pid));
    Result<void> started = start_container(container);
    if (!started.ok()) {
      // The specification: after a failing poststart hook the container is destroyed.
      if (container.directory.started()) {
        auto destroyed = destroy(container, context.log);
        if (!destroyed.ok()) context.log.warning("clean up after a failure: " + destroyed.error().text());
      }
      return std::move(started).error();
    }
    if (!notify) return 0;
    auto init = open_process(container.state.init);
    // Others may look at the container meanwhile: it is started.
    container.directory.unlock();
    if (init.ok()) notify->wait_until_ready(*init);
    return 0;
  }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Verb> make_start() { return std::make_unique<Start>(); }

}  // namespace warder::runtime
