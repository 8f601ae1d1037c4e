// The systemd manager's part of Cgroup. Host process of a command.
#include "runtime/cgroups/cgroup.h"
#include "runtime/cgroups/limits.h"
#include "runtime/cgroups/scope.h"

namespace warder::runtime {

namespace {

// How CgroupState::manager tells later commands which systemd to ask.
constexpr std::string_view system_manager = "systemd", user_manager = "systemd-user";

Result<SystemdBus> connect(const CgroupState& state) {
  return SystemdBus::connect(state.manager == user_manager ? SystemdInstance::user : SystemdInstance::system);
}

}  // namespace

Result<Cgroup> Cgroup::create_scope(const CgroupRequest& request) {
  SystemdInstance instance = request.rootless ? SystemdInstance::user : SystemdInstance::system;
  ScopeName name = WARDER_TRY(ScopeName::parse(request.cgroups_path, request.id, instance));
  std::vector<UnitProperty> annotated = WARDER_TRY(annotated_properties(request.annotations));
  CgroupLayout layout = WARDER_TRY(CgroupLayout::probe());
  std::vector<CgroupWrite> writes = layout.unified ? WARDER_TRY(limits_v2(request.resources)) : limits_v1(request.resources);
  CgroupState state;
  state.manager = instance == SystemdInstance::user ? user_manager : system_manager;
  SystemdBus bus = WARDER_TRY(connect(state));
  // Before it is announced: nobody may stop somebody else's unit for us.
  if (bus.control_group(name.unit)) return Error::user("the unit " + name.unit + " exists already");
  state.systemd_scope = name.unit;
  if (request.announce) WARDER_TRY(request.announce(state));
  auto placeholder = std::make_shared<Placeholder>(WARDER_TRY(Placeholder::start()));
  std::string path = WARDER_TRY(start_scope(bus, name, request.id, *placeholder, unit_properties(writes), annotated));
  Cgroup cgroup(std::move(state));
  cgroup.placeholder_ = std::move(placeholder);
  Result<void> made = cgroup.make_directories(request, path);
  if (made) made = cgroup.apply(request);
  if (made) return cgroup;
  cgroup.placeholder_.reset();
  (void)cgroup.remove();
  return std::move(made).error();
}

Result<void> Cgroup::tell_systemd(const std::vector<CgroupWrite>& writes) const {
  // create_scope() has told it all.
  if (placeholder_) return {};
  std::vector<UnitProperty> properties = unit_properties(writes);
  if (properties.empty()) return {};
  SystemdBus bus = WARDER_TRY(connect(state_));
  WARDER_TRY(bus.set_properties(state_.systemd_scope, properties));
  // systemd answers before it writes the files; it has written them when it answers the next question.
  (void)WARDER_TRY(bus.control_group(state_.systemd_scope));
  return {};
}

Result<void> Cgroup::attach_by_systemd(pid_t pid) const {
  SystemdBus bus = WARDER_TRY(connect(state_));
  return bus.attach(state_.systemd_scope, pid);
}

Result<void> Cgroup::stop_scope() const {
  SystemdBus bus = WARDER_TRY(connect(state_));
  return bus.stop(state_.systemd_scope);
}

}  // namespace warder::runtime
