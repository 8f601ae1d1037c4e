// `warder version` and `warder --version`. Callers split every line that holds the word on it and take the last one: exactly one
// line may hold it.
#include "runtime/commands/version.h"

#include <fmt/format.h>

#include "runtime/commands/verb.h"

namespace warder::runtime {

std::string_view warder_version() { return WARDER_VERSION; }
std::string_view warder_commit() { return WARDER_COMMIT; }

std::string version_text() {
  return fmt::format("warder version {}\ncommit: {}\nspec: {}\n", warder_version(), warder_commit(), spec_version);
}

namespace {

class Version : public Verb {
 public:
  void define(Options& /*app*/) override {}
  Result<int> run(const Context& /*context*/) override {
    WARDER_TRY(print(version_text()));
    return 0;
  }
};

}  // namespace

std::unique_ptr<Verb> make_version() { return std::make_unique<Version>(); }

}  // namespace warder::runtime
