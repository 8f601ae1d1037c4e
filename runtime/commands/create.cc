// `warder create`: the container exists, its program waits for `start`.
#include "runtime/commands/container_plan.h"
#include "runtime/commands/create_container.h"

namespace warder::runtime {
namespace {

class Create : public Verb {
 public:
  void define(Options& app) override {
    options_.define(app);
    app.add_flag("--dry-run", dry_run_, "print what would be made, as JSON, and make nothing");
    // The container's PID 1 becomes an orphan by design: its parent is whoever adopts it, never this process.
    app.add_ignored_flag("--no-subreaper");
  }

  Result<int> run(const Context& context) override {
    Spec spec = WARDER_TRY(read_spec(context, options_));
    if (dry_run_) {
      WARDER_TRY(print_plan(context, options_, spec));
      return 0;
    }
    WARDER_TRY(create_container(context, options_, spec, {.path = options_.console_socket, .socket = BorrowedFd(-1)}));
    return 0;
  }

 private:
  CreateOptions options_;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_create() { return std::make_unique<Create>(); }

}  // namespace warder::runtime
