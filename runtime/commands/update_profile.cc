#include "runtime/commands/update_profile.h"

#include <fmt/format.h>

#include "linux/facts.h"
#include "linux/open.h"
#include "policy/live_change.h"
#include "policy/load.h"
#include "runtime/commands/container.h"
#include "runtime/commands/container_plan.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/running_profile.h"
#include "runtime/state/profile_snapshot.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

std::string joined(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "\n")); }

Result<policy::LoadOutcome> load_new(const Context& context, const std::string& id, const std::string& name_or_file,
                                     const std::string& hostname) {
  policy::LoadRequest request;
  request.container_id = id;
  request.hostname = hostname;
  request.where = policy::profile_directories(context.options.profile_dir, context.rootless);
  policy::LoadOutcome outcome = policy::load_by_name(name_or_file, request);
  if (!outcome.profile) return Error::user(policy::findings_text(outcome.findings));
  return outcome;
}

Result<void> check(const policy::LiveChange& change, const policy::Config& config, const std::string& id) {
  if (!change.impossible.empty()) {
    return Error::user(
        fmt::format("nothing was changed; this cannot change while '{}' runs:\n{}", id, joined(change.impossible)));
  }
  if (!change.loosened.empty() && !config.allow_loosening) {
    return Error::user(
        fmt::format("nothing was changed; warder.yaml does not say allow-loosening: true, and this profile allows more "
                    "than the one in force:\n{}",
                    joined(change.loosened)));
  }
  return {};
}

/// The block and what later commands know of it. The lock is held, so that both stay together.
Result<void> put_in_force(Container& container, BorrowedFd control, const policy::LiveChange& change,
                          const policy::Profile& profile, const std::string& hostname) {
  supervisor::Message message{.type = supervisor::MessageType::control_policy, .number = 0, .text = {}, .fds = {}};
  message.fds.push_back(
      WARDER_TRY(kernel::sealed_memfd("profile", {reinterpret_cast<const char*>(change.block.data()), change.block.size()})));
  WARDER_TRY_WITH(ask_supervisor(control, message), "nothing was changed");
  container.state.profile = profile_state(profile);
  const std::string snapshot = profile_snapshot(profile, hostname);
  WARDER_TRY(replace_text_file(container.directory.fd(), profile_snapshot_file, snapshot, 0600));
  return container.directory.save(container.state);
}

}  // namespace

Result<int> update_profile(const Context& context, const std::string& id, const std::string& name_or_file, Dry dry) {
  Container container = WARDER_TRY(Container::open_locked(context.root, id));
  const Status status = container.status();
  if (status != Status::running && status != Status::created) {
    return Error::user(fmt::format("container '{}' is {}; accepted: created or running", id, status_word(status)));
  }
  const Fd control = WARDER_TRY(container.connect_supervisor());
  const supervisor::Boot boot = WARDER_TRY(ask_for_boot(control));
  const policy::Compiled created = WARDER_TRY_WITH(policy::Compiled::open(boot.compiled), "compiled profile");
  const policy::Profile before = WARDER_TRY(profile_in_force(container));
  policy::LoadOutcome loaded = WARDER_TRY(load_new(context, id, name_or_file, boot.hostname));
  policy::Profile& after = *loaded.profile;
  if (before.mode_by_annotation) {  // the annotation is the container's, whatever its profile
    after.mode = before.mode;
    after.mode_by_annotation = true;
  }
  const policy::ContainerFacts facts = WARDER_TRY(running_facts(container));
  const policy::LiveChange change = WARDER_TRY(policy::plan_live_change(created, before, after, probe_kernel(), facts));
  WARDER_TRY(check(change, loaded.config, id));
  if (dry == Dry::no) WARDER_TRY(put_in_force(container, control, change, after, boot.hostname));
  WARDER_TRY(print(differences_text(change.differences, Format::text)));
  return 0;
}

}  // namespace warder::runtime
