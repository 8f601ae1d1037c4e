// `warder delete`: removes a container and everything that belongs to it.
#include <fmt/format.h>

#include "runtime/commands/container.h"
#include "runtime/commands/matching.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

class Delete : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ID", id_, "the container").required();
    app.add_flag("-f,--force", force_, "kill it first; one that does not exist is no error");
    app.add_flag("-r,--regex", regex_, "ID is a regular expression");
  }

  Result<int> run(const Context& context) override {
    IdMeaning meaning = regex_ ? IdMeaning::regular_expression : IdMeaning::exact;
    for (const std::string& id : WARDER_TRY(matching_ids(context.root, id_, meaning))) {
      WARDER_TRY(remove(context, id));
    }
    return 0;
  }

 private:
  Result<void> remove(const Context& context, const std::string& id) const {
    auto directory = StateDirectory::open(context.root, id);
    if (!directory.ok()) {
      if (force_ && directory.error().code() == ENOENT) return {};
      return std::move(directory).error();
    }
    WARDER_TRY(directory->lock());
    auto state = directory->load();
    if (!state.ok()) {
      // A creation that was killed before it had made anything: only the directory is there.
      if (force_ && state.error().code() == ENOENT) return directory->remove();
      return std::move(state).error();
    }
    Container container{*std::move(directory), *std::move(state)};
    Status status = container.status();
    // As everywhere: of a container whose program has not begun nothing can be lost.
    if (Container::alive(status) && status != Status::created && !force_) {
      return Error::user(fmt::format("cannot delete container '{}' that is {}; container still running; accepted: --force", id,
                                     status_word(status)));
    }
    return destroy(container, context.log);
  }

  std::string id_;
  bool force_ = false, regex_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_delete() { return std::make_unique<Delete>(); }

}  // namespace warder::runtime
