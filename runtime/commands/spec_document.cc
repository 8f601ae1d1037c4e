// The config.json to begin with: `sh` in ./rootfs with the isolation that engines use by default. No system calls but geteuid(2).
#include "runtime/commands/spec_document.h"

#include <unistd.h>

#include "runtime/commands/version.h"

namespace warder::runtime {
namespace {

json process_section() {
  json capabilities{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  return {{"terminal", true},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", {"sh"}},
          {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"}},
          {"cwd", "/"},
          {"capabilities", {{"bounding", capabilities}, {"effective", capabilities}, {"permitted", capabilities}}},
          {"rlimits", json::array({{{"type", "RLIMIT_NOFILE"}, {"hard", 1024}, {"soft", 1024}}})},
          {"noNewPrivileges", true}};
}

json mount(std::string_view destination, std::string_view type, std::string_view source, std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

json mounts_section(bool rootless) {
  std::vector<std::string> pts{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  if (!rootless) pts.emplace_back("gid=5");
  json list = json::array({
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts", std::move(pts)),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
  });
  if (rootless) {
    // A user may mount sysfs only with a network namespace of his own; the host's, read-only, always works.
    list.push_back(mount("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}));
  } else {
    list.push_back(mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
    list.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}));
  }
  return list;
}

json linux_section(bool rootless) {
  json namespaces = json::array();
  for (std::string_view type : {"pid", "ipc", "uts", "mount", "cgroup"}) namespaces.push_back({{"type", type}});
  namespaces.push_back({{"type", rootless ? "user" : "network"}});
  json section{{"namespaces", std::move(namespaces)},
               {"maskedPaths",
                {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                 "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"}},
               {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
  if (rootless) {
    section["uidMappings"] = json::array({{{"containerID", 0}, {"hostID", ::geteuid()}, {"size", 1}}});
    section["gidMappings"] = json::array({{{"containerID", 0}, {"hostID", ::getegid()}, {"size", 1}}});
  } else {
    section["resources"] = {{"devices", json::array({{{"allow", false}, {"access", "rwm"}}})}};
  }
  return section;
}

}  // namespace

json spec_document(SpecKind kind) {
  bool rootless = kind == SpecKind::rootless;
  return {{"ociVersion", spec_version}, {"process", process_section()},       {"root", {{"path", "rootfs"}, {"readonly", true}}},
          {"hostname", "warder"},       {"mounts", mounts_section(rootless)}, {"linux", linux_section(rootless)}};
}

}  // namespace warder::runtime
