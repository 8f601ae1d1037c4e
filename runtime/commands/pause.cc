// `warder pause` and `warder resume`. PID 1 first answers what it has received and receives no more: a caller in a received
// notification cannot freeze (it waits killably), and the freezer would wait for it in vain.
#include <fmt/format.h>

#include "runtime/commands/container.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

Result<void> tell(BorrowedFd control, supervisor::MessageType type) {
  WARDER_TRY(ask_supervisor(control, {.type = type, .number = 0, .text = {}, .fds = {}}));
  return {};
}

class Pause : public Verb {
 public:
  void define(Options& app) override { app.add_option("ID", id_, "the container").required(); }

  Result<int> run(const Context& context) override {
    Container container = WARDER_TRY(Container::open_locked(context.root, id_));
    Status status = container.status();
    if (status != Status::running && status != Status::created) {
      return Error::user(fmt::format("container '{}' is {}; container not running", id_, status_word(status)));
    }
    if (!container.cgroup().enabled()) return Error::user("the container has no cgroup, so that it cannot be paused");
    Fd control = WARDER_TRY(container.connect_supervisor());
    WARDER_TRY(tell(control, supervisor::MessageType::control_quiesce));
    auto frozen = container.cgroup().freeze();
    if (frozen.ok()) return 0;
    static_cast<void>(container.cgroup().thaw());
    static_cast<void>(tell(control, supervisor::MessageType::control_resume));
    return std::move(frozen).error().with("pause");
  }

 private:
  std::string id_;
};

class Resume : public Verb {
 public:
  void define(Options& app) override { app.add_option("ID", id_, "the container").required(); }

  Result<int> run(const Context& context) override {
    Container container = WARDER_TRY(Container::open_locked(context.root, id_));
    if (container.status() != Status::paused) return Error::user(fmt::format("container '{}': container not paused", id_));
    WARDER_TRY_WITH(container.cgroup().thaw(), "resume");
    Fd control = WARDER_TRY(container.connect_supervisor());
    WARDER_TRY(tell(control, supervisor::MessageType::control_resume));
    return 0;
  }

 private:
  std::string id_;
};

}  // namespace

std::unique_ptr<Verb> make_pause() { return std::make_unique<Pause>(); }
std::unique_ptr<Verb> make_resume() { return std::make_unique<Resume>(); }

}  // namespace warder::runtime
