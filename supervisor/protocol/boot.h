// What warder tells warder-init before it becomes PID 1: one sealed memfd, written by the runtime, parsed once.
//
// The same block serves PID 1 ("supervise"), the first process of the container ("workload") and, with another ProcessPlan, an
// exec session ("session"). Everything in it is final: paths are of the container, ids are of its user namespace, the seccomp
// program of config.json is compiled. warder-init adds no policy and reads no other file.
#pragma once

#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"

namespace warder::supervisor {

struct Rlimit {
  int resource = 0;  ///< RLIMIT_*
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

/// Bit N stands for capability N.
struct CapabilitySets {
  std::uint64_t bounding = 0;
  std::uint64_t effective = 0;
  std::uint64_t inheritable = 0;
  std::uint64_t permitted = 0;
  std::uint64_t ambient = 0;
};

/// A program that runs in the container right before the workload does, under the workload's confinement (startContainer).
struct HookPlan {
  std::string path;
  std::vector<std::string> args;  ///< argv, argv[0] included
  std::vector<std::string> env;
  std::uint32_t timeout_seconds = 0;  ///< 0: none
};

struct SchedulerPlan {
  std::uint32_t policy = 0;  ///< SCHED_*
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t flags = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  ///< nanoseconds
  /// A child made by fork has it too. Not so SCHED_DEADLINE, and what is asked to be reset.
  [[nodiscard]] bool inherited() const { return policy != deadline_policy && (flags & reset_on_fork) == 0; }
  static constexpr std::uint32_t deadline_policy = 6;  // SCHED_DEADLINE
  static constexpr std::uint64_t reset_on_fork = 1;    // SCHED_FLAG_RESET_ON_FORK
};

/// set_mempolicy(2).
struct MemoryPolicyPlan {
  std::int32_t mode = 0;             ///< MPOL_*
  std::uint32_t flags = 0;           ///< MPOL_F_*
  std::vector<std::uint64_t> nodes;  ///< bit N of the row: node N
};

/// Everything that turns a process inside the container into the workload.
struct ProcessPlan {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> groups;
  bool set_groups = true;  ///< false where the user namespace denies setgroups, or the annotation keeps the original groups
  std::optional<std::uint32_t> umask;
  CapabilitySets capabilities;
  bool no_new_privileges = false;
  std::vector<Rlimit> rlimits;
  std::optional<std::int32_t> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<SchedulerPlan> scheduler;
  std::optional<std::uint32_t> io_priority;  ///< the value for ioprio_set
  std::optional<std::uint64_t> personality;
  std::string cpu_affinity_initial, cpu_affinity_final;  ///< cpu lists, for exec sessions only
  std::optional<MemoryPolicyPlan> memory_policy;
  bool new_session_keyring = true;
  bool terminal = false;                   ///< stdio is the console already; make it the controlling terminal
  std::uint32_t preserve_fds = 0;          ///< 3..3+N-1 stay open for the workload
  bool listen_fds = false;                 ///< set LISTEN_PID to the workload's own pid
  std::vector<std::byte> seccomp_program;  ///< struct sock_filter[] of config.json; empty: none
  std::uint32_t seccomp_flags = 0;         ///< SECCOMP_FILTER_FLAG_* of config.json
  /// Where the listener of that program goes: the agent's socket on the host; empty: it notifies nobody. PID 1 never uses it.
  std::string seccomp_agent, seccomp_metadata;
  std::vector<HookPlan> start_container_hooks;
  std::string hook_state;  ///< the OCI state object given to those hooks on standard input
};

/// How PID 1 writes the audit log; the sink itself is audit_fd.
struct AuditPlan {
  std::string before, after = "\n";  ///< what surrounds a line: the framing of the sink
  std::uint32_t rate = 200;          ///< lines a second in the long run
  std::uint32_t burst = 1000;        ///< lines at once
  bool usage = false;                ///< a line for each entry that was asked for, at the end
};

struct Boot {
  std::string container_id;
  std::string hostname;
  /// Rights that PID 1 keeps to act for callers: the union of what the workload and exec sessions may have.
  std::uint64_t supervisor_capabilities = 0;
  bool private_pid_namespace = true;  ///< false: PID 1 stands in a shared one and ties the workload to itself by PDEATHSIG
  bool own_user_namespace = false;
  ProcessPlan process;
  AuditPlan audit;
  std::vector<std::byte> compiled;  ///< a policy::Compiled block

  [[nodiscard]] std::vector<std::byte> serialize() const;
  /// Refuses a block with a wrong magic, version or length; never reads past the end.
  static Result<Boot> parse(std::span<const std::byte> block);
};

/// Descriptor numbers with which warder-init is executed. All others are closed by it, except the workload's stdio and preserved
/// fds, which the runtime leaves at 0..2 and 3..3+N-1: the fixed numbers therefore start far above.
inline constexpr int boot_fd = 1000;         ///< every mode: sealed memfd with the Boot block
inline constexpr int runtime_fd = 1001;      ///< every mode: SOCK_SEQPACKET to the runtime; closed when the container is created
inline constexpr int peer_fd = 1002;         ///< supervise <-> workload: SOCK_SEQPACKET between the two
inline constexpr int control_fd = 1003;      ///< supervise: listening SOCK_SEQPACKET of the state directory
inline constexpr int audit_fd = 1004;        ///< supervise: the audit log, O_APPEND|O_WRONLY; may be absent
inline constexpr int procfs_fd = 1005;       ///< supervise: O_PATH root of a detached procfs of the outer PID namespace;
                                             ///< session with an LSM label: O_PATH of its own directory in the host's procfs
inline constexpr int workload_pidfd = 1006;  ///< supervise: pidfd of the workload process
inline constexpr int resolv_conf_fd =
    1007;                              ///< supervise: the container's /etc/resolv.conf as the engine gives it; may be absent
inline constexpr int hosts_fd = 1008;  ///< supervise: the container's /etc/hosts, likewise
inline constexpr int hook_output_fd = 1009;  ///< workload: where the output of startContainer hooks goes; may be absent
inline constexpr int hook_error_fd = 1010;   ///< workload: where their errors go; may be absent
inline constexpr int last_fd = hook_error_fd;

}  // namespace warder::supervisor
