#include "supervisor/protocol/boot.h"

#include "supervisor/protocol/wire.h"

namespace warder::supervisor {
namespace {

constexpr std::uint32_t boot_magic = 0x42445257;  // "WRDB"
constexpr std::uint32_t boot_version = 2;
constexpr std::size_t header_size = 3 * sizeof(std::uint32_t);  // magic, version, length of the whole block

// One description of each structure serves both directions: `io` is a Writing or a Reading below.
struct Writing {
  WireWriter& wire;
  template <class T>
  void number(const T& value) {
    wire.number(value);
  }
  void flag(const bool& value) { wire.number(static_cast<std::uint8_t>(value)); }
  void text(const std::string& value) { wire.text(value); }
  void texts(const std::vector<std::string>& value) { wire.texts(value); }
  void bytes(const std::vector<std::byte>& value) { wire.bytes(value); }
  template <class T, class Each>
  void list(const std::vector<T>& items, std::size_t /*smallest*/, Each each) {
    wire.list(items, each);
  }
  template <class T, class Each>
  void optional(const std::optional<T>& value, Each each) {
    flag(value.has_value());
    if (value) each(*value);
  }
};

struct Reading {
  WireReader& wire;
  template <class T>
  void number(T& value) {
    wire.number(value);
  }
  void flag(bool& value) { wire.flag(value); }
  void text(std::string& value) { wire.text(value); }
  void texts(std::vector<std::string>& value) { wire.texts(value); }
  void bytes(std::vector<std::byte>& value) { wire.bytes(value); }
  template <class T, class Each>
  void list(std::vector<T>& items, std::size_t smallest, Each each) {
    wire.list(items, smallest, each);
  }
  template <class T, class Each>
  void optional(std::optional<T>& value, Each each) {
    bool present = false;
    flag(present);
    if (present) each(value.emplace());
  }
};

template <class Io, class Sets>
void visit_capabilities(Io io, Sets& sets) {
  io.number(sets.bounding);
  io.number(sets.effective);
  io.number(sets.inheritable);
  io.number(sets.permitted);
  io.number(sets.ambient);
}

template <class Io, class Hook>
void visit_hook(Io io, Hook& hook) {
  io.text(hook.path);
  io.texts(hook.args);
  io.texts(hook.env);
  io.number(hook.timeout_seconds);
}

template <class Io, class Scheduler>
void visit_scheduler(Io io, Scheduler& scheduler) {
  io.number(scheduler.policy);
  io.number(scheduler.nice);
  io.number(scheduler.priority);
  io.number(scheduler.flags);
  io.number(scheduler.runtime);
  io.number(scheduler.deadline);
  io.number(scheduler.period);
}

template <class Io, class Plan>
void visit_process(Io io, Plan& plan) {
  const auto number = [&io](auto& value) { io.number(value); };
  io.texts(plan.args);
  io.texts(plan.env);
  io.text(plan.cwd);
  io.number(plan.uid);
  io.number(plan.gid);
  io.list(plan.groups, sizeof(std::uint32_t), number);
  io.flag(plan.set_groups);
  io.optional(plan.umask, number);
  visit_capabilities(io, plan.capabilities);
  io.flag(plan.no_new_privileges);
  io.list(plan.rlimits, sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t), [&io](auto& limit) {
    io.number(limit.resource);
    io.number(limit.soft);
    io.number(limit.hard);
  });
  io.optional(plan.oom_score_adj, number);
  io.text(plan.apparmor_profile);
  io.text(plan.selinux_label);
  io.optional(plan.scheduler, [&io](auto& scheduler) { visit_scheduler(io, scheduler); });
  io.optional(plan.io_priority, number);
  io.optional(plan.personality, number);
  io.text(plan.cpu_affinity_initial);
  io.text(plan.cpu_affinity_final);
  io.optional(plan.memory_policy, [&io, &number](auto& policy) {
    io.number(policy.mode);
    io.number(policy.flags);
    io.list(policy.nodes, sizeof(std::uint64_t), number);
  });
  io.flag(plan.new_session_keyring);
  io.flag(plan.terminal);
  io.number(plan.preserve_fds);
  io.flag(plan.listen_fds);
  io.bytes(plan.seccomp_program);
  io.number(plan.seccomp_flags);
  io.text(plan.seccomp_agent);
  io.text(plan.seccomp_metadata);
  io.list(plan.start_container_hooks, 4 * sizeof(std::uint32_t), [&io](auto& hook) { visit_hook(io, hook); });
  io.text(plan.hook_state);
}

template <class Io, class Plan>
void visit_audit(Io io, Plan& plan) {
  io.text(plan.before);
  io.text(plan.after);
  io.number(plan.rate);
  io.number(plan.burst);
  io.flag(plan.usage);
}

template <class Io, class Block>
void visit_boot(Io io, Block& boot) {
  io.text(boot.container_id);
  io.text(boot.hostname);
  io.number(boot.supervisor_capabilities);
  io.flag(boot.private_pid_namespace);
  io.flag(boot.own_user_namespace);
  visit_process(io, boot.process);
  visit_audit(io, boot.audit);
  io.bytes(boot.compiled);
}

}  // namespace

std::vector<std::byte> Boot::serialize() const {
  constexpr std::size_t all_else = 8192;  // nearly always
  WireWriter wire;
  wire.reserve(compiled.size() + process.seccomp_program.size() + all_else);
  wire.number(boot_magic);
  wire.number(boot_version);
  wire.number(std::uint32_t{0});
  visit_boot(Writing{wire}, *this);
  wire.patch(2 * sizeof(std::uint32_t), static_cast<std::uint32_t>(wire.size()));
  return wire.take();
}

Result<Boot> Boot::parse(std::span<const std::byte> block) {
  WireReader wire(block);
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t length = 0;
  wire.number(magic);
  wire.number(version);
  wire.number(length);
  if (block.size() < header_size || magic != boot_magic) return Error::bug("boot block: this is none");
  if (version != boot_version) return Error::bug("boot block: written by another version of warder");
  if (length != block.size()) return Error::bug("boot block: truncated");
  Boot boot;
  visit_boot(Reading{wire}, boot);
  if (wire.failed() || !wire.at_end()) return Error::bug("boot block: malformed");
  return boot;
}

}  // namespace warder::supervisor
