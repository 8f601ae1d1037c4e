#include "supervisor/process/confine.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "linux/landlock.h"
#include "linux/open.h"
#include "linux/process.h"
#include "linux/seccomp.h"
#include "supervisor/process/attributes.h"
#include "supervisor/process/credentials.h"
#include "supervisor/protocol/messages.h"

namespace warder::supervisor {
namespace {

/// A literal path of the profile has been made canonical before the container started. A symbolic link found in it now was put
/// there since, by somebody who shares a volume: it must not widen the rule.
Result<Fd> open_rule_path(BorrowedFd root, std::string_view path) {
  return kernel::open_at2(root, std::string(path), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

Result<void> add_path_rule(kernel::LandlockRuleset& ruleset, BorrowedFd root, const policy::LandlockPathRule& rule) {
  Result<Fd> opened = open_rule_path(root, rule.path);
  if (!opened.ok()) {
    const int code = opened.error().code();
    const bool absent = code == ENOENT || code == ENOTDIR || code == ELOOP;
    if (absent && rule.optional) return {};
    return std::move(opened).error();
  }
  const Fd object = *std::move(opened);
  struct stat status {};
  if (::fstat(object.get(), &status) != 0) return Error::syscall("fstat");
  const std::uint64_t access = S_ISDIR(status.st_mode) ? rule.access : rule.access & kernel::landlock_file_rights();
  if (access == 0) return {};
  return ruleset.allow_path(object, access);
}

Result<std::optional<kernel::LandlockRuleset>> build_ruleset(const policy::Compiled& policy) {
  const std::uint64_t handled_fs = policy.landlock_handled_fs();
  const std::uint64_t handled_net = policy.landlock_handled_net();
  const std::uint64_t scoped = policy.landlock_scoped();
  if (handled_fs == 0 && handled_net == 0 && scoped == 0) return std::optional<kernel::LandlockRuleset>();
  kernel::LandlockRuleset ruleset = WARDER_TRY(kernel::LandlockRuleset::create(handled_fs, handled_net, scoped));
  const Fd root = WARDER_TRY(kernel::open_path("/", O_PATH | O_DIRECTORY));
  for (std::size_t index = 0; index < policy.landlock_path_count(); ++index) {
    const policy::LandlockPathRule rule = policy.landlock_path(index);
    WARDER_TRY_WITH(add_path_rule(ruleset, root, rule), "landlock rule '" + std::string(rule.path) + "'");
  }
  for (std::size_t index = 0; index < policy.landlock_port_count(); ++index) {
    const policy::LandlockPortRule rule = policy.landlock_port(index);
    WARDER_TRY_WITH(ruleset.allow_port(rule.port, rule.access), "landlock rule for port " + std::to_string(rule.port));
  }
  return std::optional(std::move(ruleset));
}

Result<void> hand_over(Fd listener, MessageType type, BorrowedFd handover) {
  WARDER_TRY(write_message(handover, {type, static_cast<std::uint64_t>(listener.get()), "", {}}));
  const Message answer = WARDER_TRY(read_message(handover));
  if (answer.type != MessageType::listener_taken) return Error(Fault::environment, "it was not taken: " + answer.text);
  return {};  // our own copy closes here: what executes must never hold it
}

Result<void> install_profile_filter(const policy::Compiled& policy, BorrowedFd handover) {
  if (policy.filter().empty()) return {};
  if (!policy.needs_listener()) return kernel::install_filter(policy.filter());
  // A thread that is interrupted while its call is being answered is then only killable (Linux 5.19).
  Fd listener = WARDER_TRY(kernel::install_filter_with_listener(policy.filter(), SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
  WARDER_TRY_WITH(hand_over(std::move(listener), MessageType::listener, handover), "hand over the listener");
  return {};
}

Result<void> install_engine_filter(const ProcessPlan& plan) {
  if (plan.seccomp_program.empty()) return {};
  const std::span program(reinterpret_cast<const sock_filter*>(plan.seccomp_program.data()),
                          plan.seccomp_program.size() / sizeof(sock_filter));
  if (plan.seccomp_agent.empty()) {
    WARDER_TRY_WITH(kernel::install_filter(program, plan.seccomp_flags), "seccomp filter of config.json");
    return {};
  }
  // From here on the agent answers what the filter names, our own calls too; what it must not name is write(2).
  Fd listener =
      WARDER_TRY_WITH(kernel::install_filter_with_listener(program, plan.seccomp_flags), "seccomp filter of config.json");
  WARDER_TRY_WITH(hand_over(std::move(listener), MessageType::engine_listener, BorrowedFd(runtime_fd)),
                  "hand over the listener of config.json's filter");
  return {};
}

}  // namespace

Result<void> confine(const Boot& boot, const policy::Compiled& policy, BorrowedFd handover) {
  const ProcessPlan& plan = boot.process;
  WARDER_TRY(begin_session(plan));
  WARDER_TRY(label_next_exec(plan));
  WARDER_TRY(set_scheduling(plan));
  std::optional<kernel::LandlockRuleset> ruleset = WARDER_TRY(build_ruleset(policy));
  WARDER_TRY(set_limits(plan));
  WARDER_TRY(take_user(plan));
  if (plan.no_new_privileges) WARDER_TRY(kernel::set_no_new_privileges());
  if (ruleset) WARDER_TRY(ruleset->restrict_self());
  ruleset.reset();
  WARDER_TRY(install_profile_filter(policy, handover));
  if (!plan.no_new_privileges) WARDER_TRY(install_engine_filter(plan));
  WARDER_TRY(take_capabilities(plan, policy.capability_ceiling()));
  if (plan.no_new_privileges) WARDER_TRY(install_engine_filter(plan));
  return {};
}

}  // namespace warder::supervisor
