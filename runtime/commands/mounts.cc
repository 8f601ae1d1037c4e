// `warder mounts add|remove`: mounts of a running container, from a file.
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>

#include "runtime/commands/container.h"
#include "runtime/commands/running_profile.h"
#include "runtime/commands/verb.h"
#include "runtime/config/parse.h"
#include "runtime/container/live_mounts.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

/// The mounts behind `executable-mappings: exec` stay as they were made at start. Where a destination leads to is in the
/// workload's hands, so that what is added is noexec wherever it is, and nothing is taken away from above or below them.
Result<void> keep_exec_mounts(const Container& container, MountChange change, std::vector<Mount>& mounts) {
  const policy::Profile profile = WARDER_TRY(profile_in_force(container));
  bool asked_for = false;
  for (const policy::Profile* one = &profile; one != nullptr; one = one->ceiling.get()) {
    asked_for = asked_for || one->executable_mappings == policy::ExecutableMappings::exec;
  }
  if (!asked_for) return {};
  if (change == MountChange::remove) {
    return Error::user("the profile says executable-mappings: exec, which stands on mounts: none can be removed while it runs");
  }
  for (Mount& mount : mounts) mount.options.insert(mount.options.end(), {"noexec", "rnoexec"});
  return {};
}

class Mounts : public Verb {
 public:
  void define(Options& app) override {
    app.add_option("ACTION", action_, "add or remove").required().among({"add", "remove"});
    app.add_option("ID", id_, "the container").required();
    app.add_option("FILE", file_, "JSON array of mounts as in config.json, or an object with `mounts`; - for standard input")
        .required();
  }

  Result<int> run(const Context& context) override {
    std::string text = file_ == "-" ? WARDER_TRY_WITH(read_text(BorrowedFd(STDIN_FILENO)), "standard input")
                                    : WARDER_TRY_WITH(read_text_file(BorrowedFd(AT_FDCWD), file_), fmt::format("'{}'", file_));
    std::vector<Mount> mounts = WARDER_TRY(parse_mounts(text));
    Container container = WARDER_TRY(Container::open_locked(context.root, id_));
    Status status = container.status();
    if (!Container::alive(status)) return Error::user(fmt::format("container '{}': container not running", id_));
    std::array<char, 4096> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) return Error::syscall("getcwd");
    MountChange change = action_ == "add" ? MountChange::add : MountChange::remove;
    WARDER_TRY(keep_exec_mounts(container, change, mounts));
    WARDER_TRY(change_mounts(container.state, change, mounts, here.data()));
    return 0;
  }

 private:
  std::string action_, id_, file_;
};

}  // namespace

std::unique_ptr<Verb> make_mounts() { return std::make_unique<Mounts>(); }

}  // namespace warder::runtime
