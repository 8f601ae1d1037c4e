// Turning `process` into a ProcessPlan. The host process of `create` and `exec`.
#include "runtime/commands/process_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "runtime/config/parse.h"
#include "runtime/text_file.h"

namespace warder::runtime {
namespace {

constexpr std::uint64_t all_known = (std::uint64_t{1} << known_capabilities) - 1;

std::string names_of(std::uint64_t capabilities) {
  std::string names;
  for (int number = 0; number < known_capabilities; ++number) {
    if ((capabilities >> number & 1U) == 0) continue;
    if (!names.empty()) names += ", ";
    names += capability_name(number);
  }
  return names;
}

std::optional<std::uint32_t> environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::string_view digits = text;
  std::uint32_t number = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

void limit_capabilities(supervisor::CapabilitySets& sets, const CapabilityLimits& limits, const Log& log) {
  std::uint64_t asked = sets.bounding | sets.effective | sets.inheritable | sets.permitted | sets.ambient;
  std::uint64_t beyond = asked & limits.ceiling & ~limits.grantable;
  if (beyond != 0) log.warning(fmt::format("capabilities that this machine does not grant are left out: {}", names_of(beyond)));
  std::uint64_t mask = limits.ceiling & limits.grantable;
  sets.bounding &= mask;
  sets.effective &= mask;
  sets.inheritable &= mask;
  sets.permitted &= mask;
  sets.ambient &= mask;
}

std::uint64_t grantable_capabilities(bool own_user_namespace) {
  if (own_user_namespace) return all_known;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return all_known;
  return (data[0].permitted | std::uint64_t{data[1].permitted} << 32U) & all_known;
}

Result<supervisor::ProcessPlan> plan_process(const Process& process) {
  supervisor::ProcessPlan plan;
  plan.args = process.args;
  plan.env = process.env;
  plan.cwd = process.cwd;
  plan.uid = process.user.uid;
  plan.gid = process.user.gid;
  plan.groups.assign(process.user.additional_gids.begin(), process.user.additional_gids.end());
  if (process.user.umask) plan.umask = *process.user.umask;
  plan.capabilities = process.capabilities;
  plan.no_new_privileges = process.no_new_privileges;
  plan.rlimits = process.rlimits;
  plan.oom_score_adj = process.oom_score_adj;
  plan.apparmor_profile = process.apparmor_profile;
  plan.selinux_label = process.selinux_label;
  plan.scheduler = process.scheduler;
  plan.io_priority = process.io_priority;
  plan.cpu_affinity_initial = process.cpu_affinity_initial;
  plan.cpu_affinity_final = process.cpu_affinity_final;
  plan.terminal = process.terminal;
  return plan;
}

bool may_set_groups(const Linux& config, const Annotations& annotations) {
  auto keep = annotations.find("run.oci.keep_original_groups");
  if (keep != annotations.end() && keep->second != "0") return false;
  // An unprivileged user may map only himself, and only with setgroups denied for good.
  if (config.makes(NamespaceType::user)) return ::geteuid() == 0;
  auto allowed = read_text_file(BorrowedFd(AT_FDCWD), "/proc/self/setgroups");
  return !allowed.ok() || !allowed->starts_with("deny");
}

void pass_activation_sockets(supervisor::ProcessPlan& plan) {
  auto pid = environment_number("LISTEN_PID");
  auto count = environment_number("LISTEN_FDS");
  if (!pid || !count || *count == 0 || static_cast<pid_t>(*pid) != ::getpid()) return;
  plan.preserve_fds += *count;
  plan.listen_fds = true;
  plan.env.push_back(fmt::format("LISTEN_FDS={}", *count));
  if (const char* names = std::getenv("LISTEN_FDNAMES")) plan.env.push_back(fmt::format("LISTEN_FDNAMES={}", names));
}

}  // namespace warder::runtime
