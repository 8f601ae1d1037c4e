// Id maps. P0 on the host, with whatever privileges the caller has there.
#include "runtime/container/id_maps.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "linux/clone.h"
#include "linux/open.h"
#include "linux/process.h"

namespace warder::runtime {

namespace {

bool maps_only(std::span<const IdMapping> mappings, std::uint32_t id) {
  return mappings.size() == 1 && mappings[0].size == 1 && mappings[0].host_id == id;
}

Result<void> write_file(const std::string& path, const std::string& text) {
  Fd file = WARDER_TRY(kernel::open_path(path, O_WRONLY));
  WARDER_TRY_WITH(kernel::write_once(file, text), "'" + path + "'");
  return {};
}

Result<void> run_helper(const char* program, pid_t pid, std::span<const IdMapping> mappings) {
  std::vector<std::string> words = {program, std::to_string(pid)};
  for (const IdMapping& mapping : mappings) {
    words.push_back(std::to_string(mapping.container_id));
    words.push_back(std::to_string(mapping.host_id));
    words.push_back(std::to_string(mapping.size));
  }
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t helper = 0;
  int error = ::posix_spawnp(&helper, program, nullptr, nullptr, argv.data(), environ);
  if (error != 0) return Error::syscall(program, error);
  int status = 0;
  while (::waitpid(helper, &status, 0) < 0) {
    if (errno != EINTR) return Error::syscall("waitpid");
  }
  if (kernel::exit_code(status) != 0) {
    return Error::user(std::string(program) + " refused the mapping (see /etc/subuid and /etc/subgid)");
  }
  return {};
}

}  // namespace

MapMethod choose_map_method(const Linux& linux_) {
  if (::geteuid() == 0) return MapMethod::write;
  bool own = maps_only(linux_.uid_mappings, ::geteuid()) && maps_only(linux_.gid_mappings, ::getegid());
  return own ? MapMethod::write_own_id : MapMethod::setuid_helpers;
}

std::string map_text(std::span<const IdMapping> mappings) {
  std::string text;
  for (const IdMapping& mapping : mappings) {
    text +=
        std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " + std::to_string(mapping.size) + "\n";
  }
  return text;
}

Result<void> write_id_maps(pid_t pid, const Linux& linux_, MapMethod method) {
  if (linux_.uid_mappings.empty() || linux_.gid_mappings.empty()) {
    return Error::user("linux: a new user namespace needs uidMappings and gidMappings");
  }
  std::string base = "/proc/" + std::to_string(pid);
  if (method == MapMethod::setuid_helpers) {
    WARDER_TRY(run_helper("newuidmap", pid, linux_.uid_mappings));
    return run_helper("newgidmap", pid, linux_.gid_mappings);
  }
  // Without privileges the kernel takes a gid_map only once setgroups is denied: dropping a group could give access
  // (CVE-2014-8989).
  if (method == MapMethod::write_own_id) WARDER_TRY(write_file(base + "/setgroups", "deny"));
  WARDER_TRY(write_file(base + "/uid_map", map_text(linux_.uid_mappings)));
  return write_file(base + "/gid_map", map_text(linux_.gid_mappings));
}

Result<Fd> make_mapping_namespace(std::span<const IdMapping> uids, std::span<const IdMapping> gids) {
  kernel::Cloned holder = WARDER_TRY(kernel::clone_process({.flags = CLONE_NEWUSER, .cgroup_v2 = {}}));
  if (holder.child()) {
    while (true) ::pause();  // ends by the signal below, or with nobody to send it when the namespaces of the runtime end
  }
  std::string base = "/proc/" + std::to_string(holder.pid);
  auto map = [&]() -> Result<Fd> {
    WARDER_TRY(write_file(base + "/uid_map", map_text(uids)));
    WARDER_TRY(write_file(base + "/gid_map", map_text(gids)));
    return kernel::open_path(base + "/ns/user", O_RDONLY);
  };
  Result<Fd> space = map();
  (void)kernel::send_signal(holder.pidfd, SIGKILL);
  (void)kernel::wait_exit(holder.pidfd);
  return space;
}

}  // namespace warder::runtime
