// Making, entering and removing the container's cgroup directories. Host process of a command.
#include "runtime/cgroups/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "linux/open.h"
#include "runtime/cgroups/address_guard.h"
#include "runtime/cgroups/change.h"
#include "runtime/cgroups/device_program.h"
#include "runtime/cgroups/files.h"
#include "runtime/cgroups/limits.h"

namespace warder::runtime {

namespace {

constexpr std::string_view all_v2_controllers[] = {"cpuset", "cpu", "io", "memory", "pids", "hugetlb", "rdma"};

/// linux.cgroupsPath below the root of a hierarchy's mount.
Result<std::string> path_below(const std::string& cgroups_path, const std::string& id, const Hierarchy& hierarchy) {
  std::string path = cgroups_path.empty() ? id : cgroups_path;
  if (!path.starts_with('/')) path = hierarchy.own_path + "/" + path;
  std::string clean;
  std::string_view rest = path;
  while (!rest.empty()) {
    std::size_t slash = rest.find('/');
    std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (part == "..") return Error::user("linux.cgroupsPath: '..' is not accepted");
    if (part.empty() || part == ".") continue;
    clean.append("/").append(part);
  }
  if (clean.empty()) return Error::user("linux.cgroupsPath: the root of the hierarchy is no container's");
  return clean;
}

/// A fresh v1 cpuset takes no process before it has cpus and memory nodes.
Result<void> inherit_cpuset(BorrowedFd parent, BorrowedFd made) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    std::string own = WARDER_TRY(read_file(made, file));
    if (own.find_first_not_of(" \n") != std::string::npos) continue;
    std::string inherited = WARDER_TRY(read_file(parent, file));
    WARDER_TRY(write_file(made, file, inherited));
  }
  return {};
}

/// v2: children get a controller only where each ancestor hands it down. What an ancestor does not have cannot be handed down,
/// and a limit that needs it fails later with its own name.
void hand_down_controllers(BorrowedFd parent) {
  for (std::string_view controller : all_v2_controllers) {
    (void)write_file(parent, "cgroup.subtree_control", "+" + std::string(controller));
  }
}

enum class Controllers : std::uint8_t { hand_down, leave };

Result<void> make_directory(const Hierarchy& hierarchy, const std::string& path,
                            Controllers controllers = Controllers::hand_down) {
  Fd made = WARDER_TRY(kernel::open_path(hierarchy.mount_point, O_PATH | O_DIRECTORY));
  bool cpuset = hierarchy.controllers == "cpuset" || hierarchy.controllers.starts_with("cpuset,") ||
                hierarchy.controllers.find(",cpuset") != std::string::npos;
  std::size_t at = 1;
  while (at <= path.size()) {
    std::size_t slash = std::min(path.find('/', at), path.size());
    std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (hierarchy.controllers.empty() && controllers == Controllers::hand_down) hand_down_controllers(made);
    bool created = ::mkdirat(made.get(), part.c_str(), 0755) == 0;
    if (!created && errno != EEXIST) return Error::syscall("mkdir '" + hierarchy.mount_point + path + "'");
    Fd next = WARDER_TRY(kernel::open_beneath(made, part, O_PATH | O_DIRECTORY));
    // Also where it was there already: whoever makes it at this moment may not have filled it yet.
    if (cpuset) WARDER_TRY_WITH(inherit_cpuset(made, next), "cpuset");
    made = std::move(next);
  }
  return {};
}

/// False also for a directory that is not there.
bool holds_processes(const std::string& directory) {
  Result<std::string> processes = read_file(directory, "cgroup.procs");
  return processes && !processes->empty();
}

/// What is there already may be used only if it is empty and thawed: limits of two containers would be each other's, and a
/// process that is born frozen never says that it is ready. The words are those of the reference implementation, which scripts
/// look for.
Result<void> check_found(const std::string& directory) {
  if (::access(directory.c_str(), F_OK) != 0) return {};
  if (holds_processes(directory)) {
    return Error::user(
        fmt::format("container's cgroup is not empty: '{}' has processes; accepted: another linux.cgroupsPath", directory));
  }
  Result<std::string> v1 = read_file(directory, "freezer.state");
  Result<std::string> v2 = read_file(directory, "cgroup.freeze");
  bool frozen = (v1 && !v1->starts_with("THAWED")) || (v2 && v2->starts_with('1'));
  if (frozen) return Error::user(fmt::format("container's cgroup unexpectedly frozen: '{}'", directory));
  return {};
}

/// v2: moving a process needs the right to write cgroup.procs of the closest common ancestor of its cgroup and the new one.
bool may_move_to(const std::string& directory) {
  if (::geteuid() == 0) return true;
  Result<CgroupLayout> layout = CgroupLayout::probe();
  if (!layout || !layout->unified) return true;
  const Hierarchy& hierarchy = layout->hierarchies[0];
  std::string own = hierarchy.mount_point + hierarchy.own_path + "/";
  std::string_view wanted = directory;
  std::size_t common = 0;
  for (std::size_t at = 0; at < own.size() && at < wanted.size() && own[at] == wanted[at]; ++at) {
    if (own[at] == '/') common = at;
  }
  if (own.starts_with(directory + "/")) common = directory.size();
  std::string procs = own.substr(0, common) + "/cgroup.procs";
  return ::faccessat(AT_FDCWD, procs.c_str(), W_OK, AT_EACCESS) == 0;
}

bool not_ours_to_write(const Error& error) { return error.code() == EACCES || error.code() == EPERM || error.code() == EROFS; }

Result<void> apply_device_rules(const CgroupState& state, const Resources& resources, bool unified, const std::string* v1) {
  std::vector<DeviceRule> rules = effective_device_rules(resources.devices);
  if (unified) {
    Fd directory = WARDER_TRY(kernel::open_path(state.directories[0].directory, O_RDONLY | O_DIRECTORY));
    return attach_device_program(directory, rules);
  }
  if (v1 == nullptr) return {};
  Fd directory = WARDER_TRY(kernel::open_path(*v1, O_PATH | O_DIRECTORY));
  for (const DeviceRule& rule : rules) {
    WARDER_TRY(write_file(directory, rule.allow ? "devices.allow" : "devices.deny", device_rule_text(rule)));
  }
  return {};
}

Result<void> remove_tree(const std::string& directory, const Deadline& deadline);

Result<void> remove_children(const std::string& directory, const Deadline& deadline) {
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
  if (!entries) return errno == ENOENT ? Result<void>() : Result<void>(Error::syscall("opendir '" + directory + "'"));
  while (dirent* entry = ::readdir(entries.get())) {
    std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    WARDER_TRY(remove_tree(directory + "/" + entry->d_name, deadline));
  }
  return {};
}

/// rmdir, of what is below first where there is something; a dying process may hold a directory for a moment.
Result<void> remove_tree(const std::string& directory, const Deadline& deadline) {
  while (::rmdir(directory.c_str()) < 0 && errno != ENOENT) {
    if (errno != EBUSY || deadline.passed()) return Error::syscall("rmdir '" + directory + "'");
    WARDER_TRY(remove_children(directory, deadline));
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
    deadline.wait_a_little();
  }
  return {};
}

}  // namespace

const std::string* Cgroup::directory(std::string_view controller) const {
  for (const CgroupState::Directory& one : state_.directories) {
    if (one.controllers.empty()) return &one.directory;
    std::string_view rest = one.controllers;
    while (!rest.empty()) {
      std::size_t comma = rest.find(',');
      if (rest.substr(0, comma) == controller) return &one.directory;
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  return nullptr;
}

Result<void> Cgroup::make_directories(const CgroupRequest& request, const std::string& path) {
  CgroupLayout layout = WARDER_TRY(CgroupLayout::probe());
  std::vector<std::string> paths;
  for (const Hierarchy& hierarchy : layout.hierarchies) {
    paths.push_back(path.empty() ? WARDER_TRY(path_below(request.cgroups_path, request.id, hierarchy)) : path);
    if (!under_systemd()) WARDER_TRY(check_found(hierarchy.mount_point + paths.back()));
  }
  std::string beside;
  if (layout.beside && path.empty()) {
    beside = WARDER_TRY(path_below(request.cgroups_path, request.id, *layout.beside));
    WARDER_TRY(check_found(layout.beside->mount_point + beside));
    state_.guard = layout.beside->mount_point + beside;
  }
  for (std::size_t index = 0; index < paths.size(); ++index) {
    const Hierarchy& hierarchy = layout.hierarchies[index];
    state_.directories.push_back({hierarchy.controllers, hierarchy.mount_point + paths[index], true});
    state_.path = paths[index];
  }
  if (request.announce) WARDER_TRY(request.announce(state_));
  if (!beside.empty()) {
    Result<void> one = make_directory(*layout.beside, beside, Controllers::leave);
    if (!one && !(request.rootless && not_ours_to_write(one.error()))) return one;
    if (!one) state_.guard.clear();
  }
  std::vector<CgroupState::Directory> made;
  for (std::size_t index = 0; index < paths.size(); ++index) {
    Result<void> one = make_directory(layout.hierarchies[index], paths[index]);
    if (!one && request.rootless && not_ours_to_write(one.error())) continue;
    if (!one) return one;
    made.push_back(state_.directories[index]);
  }
  state_.directories = std::move(made);
  // What was not there yet is as frozen as what it is below.
  if (!enabled() || !WARDER_TRY(frozen())) return {};
  return Error::user(fmt::format("container's cgroup unexpectedly frozen: one above '{}' is", state_.path));
}

Result<void> Cgroup::guard_addresses(const CgroupRequest& request) {
  if (request.address_programs.empty()) return {};
  if (unified()) return attach_address_programs(state_.directories[0].directory, request.address_programs);
  if (state_.guard.empty()) return Error(Fault::environment, "no cgroup2 hierarchy is mounted that could guard addresses");
  return attach_address_programs(state_.guard, request.address_programs);
}

Result<void> Cgroup::apply(const CgroupRequest& request) const {
  if (!enabled()) return {};
  WARDER_TRY(update(request.resources));
  Result<void> limited = apply_device_rules(state_, request.resources, unified(), unified() ? nullptr : directory("devices"));
  // In a user namespace nobody may, and nobody need: device nodes cannot be made there.
  if (!limited && request.rootless && not_ours_to_write(limited.error())) return {};
  return limited;
}

Result<Cgroup> Cgroup::create(const CgroupRequest& request) {
  if (request.manager == "systemd") return create_scope(request);
  CgroupState state;
  state.manager = request.manager;
  Cgroup cgroup(std::move(state));
  if (request.manager == "disabled") return cgroup;
  if (request.manager != "cgroupfs") {
    return Error::user("cgroup manager '" + request.manager + "'; accepted: cgroupfs, systemd, disabled");
  }
  if (request.cgroups_path.find(':') != std::string::npos && !request.cgroups_path.starts_with('/')) {
    return Error::user("linux.cgroupsPath '" + request.cgroups_path +
                       "' is meant for systemd; accepted with --systemd-cgroup, else a path");
  }
  Result<void> made = cgroup.make_directories(request, "");
  if (made) made = cgroup.apply(request);
  if (made) made = cgroup.guard_addresses(request);
  if (made) return cgroup;
  (void)cgroup.remove();
  return std::move(made).error();
}

Result<void> CgroupEntrance::enter() const {
  for (const Fd& file : tasks) WARDER_TRY(kernel::write_once(file, "0"));
  return {};
}

Result<CgroupEntrance> Cgroup::entrance() const {
  CgroupEntrance entrance;
  for (const CgroupState::Directory& one : state_.directories) {
    if (one.controllers.empty()) {
      if (!may_move_to(one.directory)) continue;
      entrance.birth_place = WARDER_TRY(kernel::open_path(one.directory, O_PATH | O_DIRECTORY));
    } else {
      entrance.tasks.push_back(WARDER_TRY(kernel::open_path(one.directory + "/tasks", O_WRONLY)));
    }
  }
  if (!state_.guard.empty()) entrance.birth_place = WARDER_TRY(kernel::open_path(state_.guard, O_PATH | O_DIRECTORY));
  return entrance;
}

Result<void> Cgroup::enter(pid_t pid) const {
  std::string text = std::to_string(pid);
  for (const CgroupState::Directory& one : state_.directories) {
    Fd file = WARDER_TRY(kernel::open_path(one.directory + "/cgroup.procs", O_WRONLY));
    Result<void> entered = kernel::write_once(file, text);
    if (!entered && under_systemd() && not_ours_to_write(entered.error())) return attach_by_systemd(pid);
    if (!entered) return std::move(entered).error().with("enter '" + one.directory + "'");
  }
  if (state_.guard.empty()) return {};
  Fd file = WARDER_TRY(kernel::open_path(state_.guard + "/cgroup.procs", O_WRONLY));
  WARDER_TRY_WITH(kernel::write_once(file, text), "enter '" + state_.guard + "'");
  return {};
}

Result<Cgroup> Cgroup::for_session(pid_t pid) const {
  if (!unified()) return *this;
  const std::string& top = state_.directories[0].directory;
  if (WARDER_TRY(read_file(top, "cgroup.subtree_control")).find_first_not_of(" \n") == std::string::npos) return *this;
  std::string own = WARDER_TRY(read_file("/proc/" + std::to_string(pid), "cgroup"));
  std::size_t at = own.find("0::");
  if (at == std::string::npos) return *this;
  std::string path = own.substr(at + 3, own.find('\n', at) - at - 3);
  if (!path.starts_with(state_.path + "/")) return *this;
  return below(path.substr(state_.path.size() + 1));
}

namespace {

/// A path of clean components without a slash at either end; nothing where it has a "..".
std::optional<std::string> sub_path(std::string_view path) {
  std::string clean;
  while (!path.empty()) {
    std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    if (part == "..") return std::nullopt;
    if (!part.empty() && part != ".") clean.append(clean.empty() ? "" : "/").append(part);
  }
  return clean;
}

/// Every word of `wanted` is a controller of this directory ("cpu" of "cpu,cpuacct").
bool has_controllers(std::string_view has, std::string_view wanted) {
  while (!wanted.empty()) {
    std::string_view one = wanted.substr(0, wanted.find(','));
    wanted.remove_prefix(std::min(one.size() + 1, wanted.size()));
    std::string padded = "," + std::string(has) + ",";
    if (padded.find("," + std::string(one) + ",") == std::string::npos) return false;
  }
  return true;
}

}  // namespace

Result<Cgroup> Cgroup::below(std::string_view place) const {
  CgroupState state = state_;
  std::size_t colon = place.find(':');
  std::string_view controllers = colon == std::string_view::npos ? std::string_view() : place.substr(0, colon);
  std::optional<std::string> path = sub_path(colon == std::string_view::npos ? place : place.substr(colon + 1));
  if (!path) return Error::user(fmt::format("bad sub cgroup path '{}'; accepted: one without \"..\"", place));
  if (!controllers.empty() && unified()) return Error::user("cgroup v2 has no controllers of their own; accepted: PATH");
  // "cpu,cpuacct" may be one hierarchy or two: each directory that has one of them counts.
  bool found = controllers.empty();
  for (CgroupState::Directory& one : state.directories) {
    bool meant =
        controllers.empty() || has_controllers(controllers, one.controllers) || has_controllers(one.controllers, controllers);
    if (!meant) continue;
    found = true;
    if (path->empty()) continue;
    Fd top = WARDER_TRY(kernel::open_path(one.directory, O_PATH | O_DIRECTORY));
    Result<Fd> there = kernel::open_beneath(top, *path, O_PATH | O_DIRECTORY);
    if (!there && there.error().code() == ENOENT) {
      return Error(
          Fault::user,
          fmt::format("error adding pid {} to cgroups '{}/{}': no such file or directory", ::getpid(), one.directory, *path),
          ENOENT);
    }
    if (!there) return std::move(there).error().with("cgroup");
    one.directory.append("/").append(*path);
    one.created = false;
  }
  if (!found) return Error::user(fmt::format("unknown controller {} in '{}'", controllers, place));
  return Cgroup(std::move(state));
}

Result<void> Cgroup::update(const Resources& resources) const {
  if (!enabled()) return {};
  if (!unified() && !resources.unified.empty()) {
    return Error::user(
        "linux.resources.unified: invalid configuration for cgroup v1, which this machine has; accepted: the other "
        "fields of linux.resources");
  }
  std::vector<CgroupWrite> writes = unified() ? WARDER_TRY(limits_v2(resources)) : limits_v1(resources);
  CgroupChange change([this](std::string_view controller) { return directory(controller); });
  WARDER_TRY(change.write(writes));
  if (under_systemd()) {
    Result<void> told = tell_systemd(writes);
    // systemd writes the files too, in its own coarser units: ours count.
    if (told) told = change.write(writes);
    if (!told) return change.take_back(), std::move(told);
  }
  return {};
}

Result<void> Cgroup::remove() const {
  Deadline deadline(std::chrono::seconds(10));
  Result<void> first = under_systemd() ? stop_scope() : Result<void>();
  for (const CgroupState::Directory& one : state_.directories) {
    if (!one.created) continue;
    Result<void> removed = remove_tree(one.directory, deadline);
    if (!removed && first) first = std::move(removed);
  }
  if (state_.guard.empty()) return first;
  Result<void> removed = remove_tree(state_.guard, deadline);
  return first ? removed : first;
}

}  // namespace warder::runtime
