// Planning and joining namespaces. P0 plans, P1 or an intermediate joins.
#include "runtime/container/namespaces.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "linux/open.h"

namespace warder::runtime {

namespace {

/// N of "/proc/N/ns/pid".
std::optional<pid_t> owner_of(std::string_view path) {
  constexpr std::string_view before = "/proc/", after = "/ns/pid";
  if (!path.starts_with(before) || !path.ends_with(after) || path.size() <= before.size() + after.size()) return {};
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  pid_t pid = 0;
  auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), pid);
  if (error != std::errc() || end != path.data() + path.size() || pid <= 0) return {};
  return pid;
}

std::string small_file(const std::string& path) {
  Result<Fd> file = kernel::open_path(path, O_RDONLY);
  if (!file) return {};
  Result<std::string> text = kernel::read_all(*file);
  return text ? *std::move(text) : std::string();
}

/// The last number of a line of /proc/PID/status: the process as it knows itself.
std::string innermost_pid(pid_t pid) {
  std::string status = small_file("/proc/" + std::to_string(pid) + "/status");
  std::size_t at = status.find("\nNSpid:");
  if (at == std::string::npos) return {};
  std::string line = status.substr(at + 1, status.find('\n', at + 1) - at - 1);
  return line.substr(line.find_last_of(" \t") + 1);
}

/// The workload of a supervisor of ours, by its shape: PID 1 of a namespace, running `warder-init supervise`, whose first child
/// is PID 1 again. Somebody who imitates that only lends his own namespaces.
std::optional<pid_t> workload_of(pid_t supervisor) {
  constexpr std::string_view command("warder-init\0supervise\0", 22);
  std::string own = "/proc/" + std::to_string(supervisor);
  if (small_file(own + "/cmdline") != command || innermost_pid(supervisor) != "1") return {};
  std::string children = small_file(own + "/task/" + std::to_string(supervisor) + "/children");
  pid_t first = 0;
  auto [end, error] = std::from_chars(children.data(), children.data() + children.size(), first);
  if (error != std::errc() || innermost_pid(first) != "1") return {};
  return first;
}

Result<Fd> open_namespace(const Namespace& wanted) {
  std::string path = wanted.path;
  if (wanted.type == NamespaceType::pid) {
    std::optional<pid_t> owner = owner_of(path);
    std::optional<pid_t> workload = owner ? workload_of(*owner) : std::nullopt;
    if (workload) path = "/proc/" + std::to_string(*workload) + "/ns/pid";
  }
  Fd fd = WARDER_TRY(kernel::open_path(path, O_RDONLY));
  int type = ::ioctl(fd.get(), NS_GET_NSTYPE);
  if (type < 0) return Error::user("'" + wanted.path + "' is no namespace");
  if (type != clone_flag(wanted.type)) return Error::user("'" + wanted.path + "' is a namespace of another type");
  return fd;
}

void plan_new(NamespacePlan& plan, NamespaceType type) {
  switch (type) {
    case NamespaceType::cgroup:
      plan.new_cgroup = true;
      break;
    case NamespaceType::time:
      plan.new_time = true;
      break;
    case NamespaceType::pid:
      plan.new_pid = true;
      [[fallthrough]];
    default:
      plan.clone_flags |= static_cast<std::uint64_t>(clone_flag(type));
  }
}

}  // namespace

bool NamespacePlan::new_user() const { return (clone_flags & CLONE_NEWUSER) != 0; }

std::vector<const JoinedNamespace*> NamespacePlan::all_joined() const {
  std::vector<const JoinedNamespace*> all;
  all.reserve(joined.size());
  for (const JoinedNamespace& one : joined) all.push_back(&one);
  return all;
}

Result<NamespacePlan> plan_namespaces(const Spec& spec) {
  NamespacePlan plan;
  for (const Namespace& wanted : spec.linux_.namespaces) {
    if (wanted.path.empty()) {
      plan_new(plan, wanted.type);
      continue;
    }
    Fd fd = WARDER_TRY_WITH(open_namespace(wanted), std::string(namespace_word(wanted.type)) + " namespace");
    if (wanted.type == NamespaceType::pid) {
      plan.joined_pid = JoinedNamespace{wanted.type, std::move(fd)};
      continue;
    }
    plan.joins_user = plan.joins_user || wanted.type == NamespaceType::user;
    plan.joined.push_back({wanted.type, std::move(fd)});
  }
  std::stable_partition(plan.joined.begin(), plan.joined.end(),
                        [](const JoinedNamespace& joined) { return joined.type != NamespaceType::user; });
  if (spec.linux_.find(NamespaceType::mount) == nullptr) {
    return Error::user("linux.namespaces: a container needs a mount namespace");
  }
  return plan;
}

Result<void> join(const std::vector<const JoinedNamespace*>& namespaces) {
  // From outside (root) everything but the user namespace can be entered first; who may do so only inside the user namespace
  // (rootless) gets EPERM before it and no error after it.
  std::vector<const JoinedNamespace*> later;
  for (const JoinedNamespace* one : namespaces) {
    if (::setns(one->fd.get(), clone_flag(one->type)) == 0) continue;
    if (errno != EPERM || one->type == NamespaceType::user) {
      return Error::syscall("setns to the " + std::string(namespace_word(one->type)) + " namespace");
    }
    later.push_back(one);
  }
  for (const JoinedNamespace* one : later) {
    if (::setns(one->fd.get(), clone_flag(one->type)) < 0) {
      return Error::syscall("setns to the " + std::string(namespace_word(one->type)) + " namespace");
    }
  }
  return {};
}

}  // namespace warder::runtime
