// config.json's `process`: who runs, with which rights and limits. No system calls.
#include <fmt/format.h>
#include <linux/sched.h>

#include <cctype>

#include "runtime/config/sections.h"

namespace warder::runtime {
namespace {

constexpr std::array<std::string_view, known_capabilities> capability_names{"CAP_CHOWN",
                                                                            "CAP_DAC_OVERRIDE",
                                                                            "CAP_DAC_READ_SEARCH",
                                                                            "CAP_FOWNER",
                                                                            "CAP_FSETID",
                                                                            "CAP_KILL",
                                                                            "CAP_SETGID",
                                                                            "CAP_SETUID",
                                                                            "CAP_SETPCAP",
                                                                            "CAP_LINUX_IMMUTABLE",
                                                                            "CAP_NET_BIND_SERVICE",
                                                                            "CAP_NET_BROADCAST",
                                                                            "CAP_NET_ADMIN",
                                                                            "CAP_NET_RAW",
                                                                            "CAP_IPC_LOCK",
                                                                            "CAP_IPC_OWNER",
                                                                            "CAP_SYS_MODULE",
                                                                            "CAP_SYS_RAWIO",
                                                                            "CAP_SYS_CHROOT",
                                                                            "CAP_SYS_PTRACE",
                                                                            "CAP_SYS_PACCT",
                                                                            "CAP_SYS_ADMIN",
                                                                            "CAP_SYS_BOOT",
                                                                            "CAP_SYS_NICE",
                                                                            "CAP_SYS_RESOURCE",
                                                                            "CAP_SYS_TIME",
                                                                            "CAP_SYS_TTY_CONFIG",
                                                                            "CAP_MKNOD",
                                                                            "CAP_LEASE",
                                                                            "CAP_AUDIT_WRITE",
                                                                            "CAP_AUDIT_CONTROL",
                                                                            "CAP_SETFCAP",
                                                                            "CAP_MAC_OVERRIDE",
                                                                            "CAP_MAC_ADMIN",
                                                                            "CAP_SYSLOG",
                                                                            "CAP_WAKE_ALARM",
                                                                            "CAP_BLOCK_SUSPEND",
                                                                            "CAP_AUDIT_READ",
                                                                            "CAP_PERFMON",
                                                                            "CAP_BPF",
                                                                            "CAP_CHECKPOINT_RESTORE"};

constexpr Word<int> rlimit_words[] = {
    {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},       {"RLIMIT_FSIZE", RLIMIT_FSIZE},       {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},   {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},     {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK}};

constexpr Word<std::uint32_t> scheduler_words[] = {{"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO},
                                                   {"SCHED_RR", SCHED_RR},        {"SCHED_BATCH", SCHED_BATCH},
                                                   {"SCHED_IDLE", SCHED_IDLE},    {"SCHED_DEADLINE", SCHED_DEADLINE}};

constexpr Word<std::uint64_t> scheduler_flags[] = {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
                                                   {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
                                                   {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
                                                   {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
                                                   {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS}};

// <linux/ioprio.h> cannot be included from C++ (a parameter of it is called `class`).
constexpr unsigned io_class_shift = 13;
constexpr Word<std::uint32_t> io_classes[] = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};

constexpr std::uint64_t largest_id = 0xFFFFFFFE;  // 2^32-1 means "leave as it is" to the kernel

void user(const Node& node, User& out) {
  if (!node.is_object()) return;
  node.child("uid").read(out.uid, 0, largest_id);
  node.child("gid").read(out.gid, 0, largest_id);
  node.child("additionalGids").each([&](const Node& element) {
    gid_t gid = 0;
    if (element.read(gid, 0, largest_id)) out.additional_gids.push_back(gid);
  });
  mode_t mask = 0;
  if (node.child("umask").read(mask, 0, 0777)) out.umask = mask;
}

void rlimits(const Node& node, std::vector<supervisor::Rlimit>& out) {
  node.each([&](const Node& element) {
    supervisor::Rlimit limit;
    if (!read_word(element.child("type"), rlimit_words, limit.resource)) {
      return element.child("type").require("the name of a limit, RLIMIT_…");
    }
    if (!element.child("soft").read(limit.soft)) element.child("soft").require("a number");
    if (!element.child("hard").read(limit.hard)) element.child("hard").require("a number");
    if (limit.soft > limit.hard) element.child("soft").refuse("at most the hard limit");
    for (const supervisor::Rlimit& other : out) {
      if (other.resource == limit.resource) return element.child("type").refuse("each limit once");
    }
    out.push_back(limit);
  });
}

void scheduler(const Node& node, std::optional<supervisor::SchedulerPlan>& out) {
  if (!node.is_object()) return;
  supervisor::SchedulerPlan plan;
  if (!read_word(node.child("policy"), scheduler_words, plan.policy)) node.child("policy").require("SCHED_…");
  node.child("nice").read(plan.nice, -20, 19);
  node.child("priority").read(plan.priority, 0, 99);
  node.child("flags").each([&](const Node& element) {
    std::uint64_t flag = 0;
    if (read_word(element, scheduler_flags, flag)) plan.flags |= flag;
  });
  node.child("runtime").read(plan.runtime);
  node.child("deadline").read(plan.deadline);
  node.child("period").read(plan.period);
  bool realtime = plan.policy == SCHED_FIFO || plan.policy == SCHED_RR;
  if (plan.priority != 0 && !realtime) node.child("priority").refuse("0 for a policy other than SCHED_FIFO and SCHED_RR");
  if (plan.priority == 0 && realtime) node.child("priority").refuse("1 to 99 for SCHED_FIFO and SCHED_RR");
  bool deadline_values = plan.runtime != 0 || plan.deadline != 0 || plan.period != 0;
  if (deadline_values && plan.policy != SCHED_DEADLINE) node.refuse("runtime, deadline and period with SCHED_DEADLINE only");
  out = plan;
}

void io_priority(const Node& node, std::optional<std::uint32_t>& out) {
  if (!node.is_object()) return;
  std::uint32_t io_class = 0;
  std::uint32_t level = 0;
  if (!read_word(node.child("class"), io_classes, io_class)) return node.child("class").require("IOPRIO_CLASS_…");
  node.child("priority").read(level, 0, 7);
  out = io_class << io_class_shift | level;
}

void cpu_list(const Node& node, std::string& out) {
  if (!node.read(out)) return;
  bool good = !out.empty();
  bool digit = false;
  for (char letter : out) {
    bool is_digit = std::isdigit(static_cast<unsigned char>(letter)) != 0;
    good = good && (is_digit || (digit && (letter == ',' || letter == '-')));
    digit = is_digit;
  }
  if (!good || !digit) node.refuse("a list of CPUs like \"0-3,7\"");
}

void console_size(const Node& node, ConsoleSize& out) {
  if (!node.is_object()) return;
  node.child("height").read(out.height);
  node.child("width").read(out.width);
}

void environment(const Node& node, std::vector<std::string>& out) {
  if (!node.read(out)) return;
  for (const std::string& entry : out) {
    if (entry.find('=') == std::string::npos || entry.front() == '=') return node.refuse("entries of the form NAME=VALUE");
  }
}

void capability_set(const Node& node, std::uint64_t& out, Warnings& warnings) {
  node.each([&](const Node& element) {
    std::string word;
    if (!element.read(word)) return element.require("the name of a capability");
    auto number = parse_capability(word);
    if (number) {
      out |= std::uint64_t{1} << *number;
    } else {
      // The specification: what cannot be granted is a warning, not a failure.
      warnings.push_back(fmt::format("{}: unknown capability '{}' is ignored", element.where(), word));
    }
  });
}

}  // namespace

std::optional<int> parse_capability(std::string_view word) {
  std::string upper(word);
  for (char& letter : upper) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (!upper.starts_with("CAP_")) upper.insert(0, "CAP_");
  for (int number = 0; number < known_capabilities; ++number) {
    if (capability_names[static_cast<std::size_t>(number)] == upper) return number;
  }
  return std::nullopt;
}

std::string_view capability_name(int number) {
  if (number < 0 || number >= known_capabilities) return {};
  return capability_names[static_cast<std::size_t>(number)];
}

namespace section {

void capabilities(const Node& node, Process& out, Warnings& warnings) {
  if (!node.is_object()) return;
  out.capabilities_given = true;
  supervisor::CapabilitySets& sets = out.capabilities;
  capability_set(node.child("bounding"), sets.bounding, warnings);
  capability_set(node.child("effective"), sets.effective, warnings);
  capability_set(node.child("inheritable"), sets.inheritable, warnings);
  capability_set(node.child("permitted"), sets.permitted, warnings);
  capability_set(node.child("ambient"), sets.ambient, warnings);
  // What the kernel would answer, to a caller that looks for its words, and not a process with less than was asked for.
  if ((sets.effective & ~sets.permitted) != 0) {
    node.child("effective").refuse("only capabilities that are permitted too (operation not permitted)");
  }
  if ((sets.inheritable & ~sets.bounding) != 0) {
    node.child("inheritable").refuse("only capabilities of the bounding set too (operation not permitted)");
  }
  // The kernel raises an ambient capability only where it is permitted and inheritable; the others cannot be granted.
  std::uint64_t beyond = sets.ambient & ~(sets.permitted & sets.inheritable);
  if (beyond != 0) {
    sets.ambient &= ~beyond;
    warnings.push_back(node.child("ambient").where() + ": capabilities that are not permitted and inheritable are ignored");
  }
}

void process(const Node& node, Process& out, Warnings& warnings) {
  if (!node.is_object()) return;
  node.child("terminal").read(out.terminal);
  console_size(node.child("consoleSize"), out.console_size);
  user(node.child("user"), out.user);
  Node args = node.child("args");
  args.require("the program and its arguments");
  if (args.read(out.args) && out.args.empty()) args.refuse("the program and its arguments");
  environment(node.child("env"), out.env);
  Node cwd = node.child("cwd");
  cwd.require("an absolute path");
  if (cwd.read(out.cwd) && !out.cwd.starts_with('/')) cwd.refuse("an absolute path");
  capabilities(node.child("capabilities"), out, warnings);
  rlimits(node.child("rlimits"), out.rlimits);
  node.child("noNewPrivileges").read(out.no_new_privileges);
  node.child("apparmorProfile").read(out.apparmor_profile);
  node.child("selinuxLabel").read(out.selinux_label);
  std::int32_t score = 0;
  if (node.child("oomScoreAdj").read(score, -1000, 1000)) out.oom_score_adj = score;
  scheduler(node.child("scheduler"), out.scheduler);
  io_priority(node.child("ioPriority"), out.io_priority);
  Node affinity = node.child("execCPUAffinity");
  cpu_list(affinity.child("initial"), out.cpu_affinity_initial);
  cpu_list(affinity.child("final"), out.cpu_affinity_final);
}

}  // namespace section
}  // namespace warder::runtime
