// Groups of resctrl. The host process of a command.
#include "runtime/cgroups/resctrl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux/open.h"

namespace warder::runtime {
namespace {

/// True where it was made, false where it was there.
Result<bool> make_group(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0) return true;
  if (errno == EEXIST) return false;
  return Error::syscall(fmt::format("mkdir '{}'", directory));
}

Result<void> write_schemata(const std::string& directory, const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  Fd file = WARDER_TRY(kernel::open_path(directory + "/schemata", O_WRONLY | O_TRUNC));
  WARDER_TRY_WITH(kernel::write_once(file, text), fmt::format("'{}/schemata'", directory));
  return {};
}

Result<void> build(const IntelRdt& config, const std::string& id, const std::string& mount_point, ResctrlGroup& group) {
  std::string directory = mount_point + "/" + (config.class_id.empty() ? id : config.class_id);
  bool made = WARDER_TRY(make_group(directory));
  if (made) group.created.push_back(directory);
  if (made && !config.class_id.empty() && config.schemata.empty()) {
    return Error::user(
        fmt::format("closID '{}' is no group that exists; accepted: one that does, or schemata for it", config.class_id));
  }
  WARDER_TRY(write_schemata(directory, config.schemata));
  group.tasks.push_back(directory + "/tasks");
  if (!config.monitoring) return {};
  std::string monitor = directory + "/mon_groups/" + id;
  if (WARDER_TRY(make_group(monitor))) group.created.insert(group.created.begin(), monitor);
  group.tasks.push_back(monitor + "/tasks");
  return {};
}

}  // namespace

Result<ResctrlGroup> make_resctrl_group(const IntelRdt& config, const std::string& id, const std::string& mount_point) {
  if (::access((mount_point + "/schemata").c_str(), F_OK) != 0) {
    return Error::user(fmt::format(
        "linux.intelRdt: found an object; accepted: none on this machine (intelRdt is specified in config, but Intel RDT is not "
        "enabled: resctrl is not mounted at {})",
        mount_point));
  }
  ResctrlGroup group;
  Result<void> built = build(config, id, mount_point, group);
  if (built.ok()) return group;
  (void)remove_resctrl_group(group.created);
  return std::move(built).error().with("linux.intelRdt");
}

Result<void> remove_resctrl_group(const std::vector<std::string>& created) {
  for (const std::string& directory : created) {
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) return Error::syscall(fmt::format("rmdir '{}'", directory));
  }
  return {};
}

}  // namespace warder::runtime
