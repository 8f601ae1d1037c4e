// `warder checkpoint` and `warder restore`: refused in words. A filter with a listener cannot be dumped and restored, and podman
// asks for the support by the exit code of `checkpoint --help`: nothing here succeeds but -h, by which nobody asks.
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

class Refusal : public Verb {
 public:
  void define(Options& app) override { app.accept_everything(); }
  Result<int> run(const Context& /*context*/) override {
    return Error::user("checkpoint and restore do not work with a supervisor: its seccomp listener cannot be saved");
  }
};

}  // namespace

std::unique_ptr<Verb> make_checkpoint() { return std::make_unique<Refusal>(); }
std::unique_ptr<Verb> make_restore() { return std::make_unique<Refusal>(); }

}  // namespace warder::runtime
