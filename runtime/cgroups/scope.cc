// The container's scope under systemd. Host process of a command.
#include "runtime/cgroups/scope.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "linux/clone.h"
#include "linux/process.h"

namespace warder::runtime {

namespace {

/// Letters that a unit's name may hold; any other is written as \xXX, as systemd-escape does.
std::string unit_escaped(std::string_view text) {
  std::string escaped;
  for (char letter : text) {
    bool alphanumeric = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (alphanumeric || std::string_view(":_.-@").find(letter) != std::string_view::npos) {
      escaped += letter;
    } else {
      escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(letter));
    }
  }
  return escaped;
}

}  // namespace

Result<ScopeName> ScopeName::parse(const std::string& cgroups_path, const std::string& id, SystemdInstance instance) {
  std::string slice, prefix = "warder", name = id;
  if (!cgroups_path.empty()) {
    std::size_t first = cgroups_path.find(':');
    std::size_t second = first == std::string::npos ? first : cgroups_path.find(':', first + 1);
    if (second == std::string::npos || cgroups_path.find(':', second + 1) != std::string::npos) {
      return Error::user(
          fmt::format("linux.cgroupsPath: '{}'; accepted by the systemd cgroup manager: SLICE:PREFIX:NAME", cgroups_path));
    }
    slice = cgroups_path.substr(0, first);
    prefix = cgroups_path.substr(first + 1, second - first - 1);
    name = cgroups_path.substr(second + 1);
  }
  if (slice.empty()) slice = instance == SystemdInstance::user ? "user.slice" : "system.slice";
  if (slice == "-.slice" || !slice.ends_with(".slice") || slice.find('/') != std::string::npos) {
    return Error::user(fmt::format("linux.cgroupsPath: slice '{}'; accepted: a name that ends in .slice", slice));
  }
  if (name.empty() || name.find('/') != std::string::npos || name.ends_with(".slice")) {
    return Error::user(fmt::format("linux.cgroupsPath: '{}' names no scope; accepted: SLICE:PREFIX:NAME", cgroups_path));
  }
  std::string unit = unit_escaped(prefix.empty() ? name : prefix + "-" + name);
  if (!unit.ends_with(".scope")) unit += ".scope";
  constexpr std::size_t longest = 255;
  if (unit.size() > longest) return Error::user("linux.cgroupsPath: the scope's name is longer than systemd's 255 bytes");
  return ScopeName{std::move(slice), std::move(unit)};
}

Result<Placeholder> Placeholder::start() {
  kernel::Cloned child = WARDER_TRY(kernel::clone_process({.flags = 0, .cgroup_v2 = {}}));
  if (child.child()) {
    (void)kernel::close_fds(0, ~0U);
    if (!kernel::die_with_parent()) ::_exit(1);
    while (true) ::pause();
  }
  return Placeholder(child.pid, std::move(child.pidfd));
}

Placeholder::~Placeholder() {
  if (!pidfd_) return;
  (void)kernel::send_signal(pidfd_, SIGKILL);
  (void)kernel::wait_exit(pidfd_);
}

Result<std::string> start_scope(SystemdBus& bus, const ScopeName& name, const std::string& id, const Placeholder& placeholder,
                                const std::vector<UnitProperty>& limits, const std::vector<UnitProperty>& annotated) {
  std::vector<UnitProperty> properties = {
      {"Description", "warder container " + id},
      {"Slice", name.slice},
      {"Delegate", true},  // the cgroup is ours: systemd neither moves processes in it nor takes back what we write
      {"DefaultDependencies", false},
      {"CollectMode", std::string("inactive-or-failed")},
      {"MemoryAccounting", true},
      {"CPUAccounting", true},
      {"IOAccounting", true},
      {"TasksAccounting", true},
      {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(placeholder.pid())}},
  };
  properties.insert(properties.end(), limits.begin(), limits.end());
  // Whoever wrote an annotation means it: it replaces what warder would have said.
  for (const UnitProperty& wanted : annotated) {
    std::erase_if(properties, [&](const UnitProperty& known) { return known.name == wanted.name; });
    properties.push_back(wanted);
  }
  WARDER_TRY(bus.start_transient(name.unit, properties));
  Result<std::string> path = bus.control_group(name.unit);
  if (!path) (void)bus.stop(name.unit);
  return path;
}

}  // namespace warder::runtime
