// config.json (runtime-spec 1.0 to 1.3) as plain typed values. The host process of a command; no privileges, no system calls.
//
// Made by parse.h, which checks everything that can be checked without the machine and gives all errors at once. Later code has
// no "is it there?" branch for what config.json must contain. Words that only one subject understands (mount options, systemd
// properties) stay as written and are parsed by that subject.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/protocol/boot.h"

namespace warder::runtime {

using Annotations = std::map<std::string, std::string>;

/// One line of uid_map or gid_map.
struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

enum class NamespaceType : std::uint8_t { pid, network, mount, ipc, uts, user, cgroup, time };
inline constexpr int namespace_type_count = 8;

/// The CLONE_NEW* flag of a namespace type.
[[nodiscard]] int clone_flag(NamespaceType type);
/// The word of config.json: "pid", "network", "mount", …
[[nodiscard]] std::string_view namespace_word(NamespaceType type);
/// The name below /proc/PID/ns: "pid", "net", "mnt", …
[[nodiscard]] std::string_view namespace_proc_name(NamespaceType type);

/// A namespace to be made (path empty) or joined (path absolute).
struct Namespace {
  NamespaceType type{};
  std::string path;
};

struct Hook {
  std::string path;               ///< absolute
  std::vector<std::string> args;  ///< argv, argv[0] included; never empty after parsing
  std::vector<std::string> env;
  std::optional<std::uint32_t> timeout_seconds;
};

/// In the order in which they run.
struct Hooks {
  std::vector<Hook> prestart;          ///< host namespaces, after the namespaces exist (deprecated, still called)
  std::vector<Hook> create_runtime;    ///< host namespaces, right after prestart
  std::vector<Hook> create_container;  ///< container namespaces, before pivot_root
  std::vector<Hook> start_container;   ///< inside the container, part of `start`
  std::vector<Hook> poststart;         ///< host namespaces, after the workload's program started
  std::vector<Hook> poststop;          ///< host namespaces, part of `delete`
};

struct Mount {
  std::string destination;  ///< normalised, absolute in the container
  std::string type;         ///< may be empty for a bind mount
  std::string source;
  std::vector<std::string> options;  ///< as written; runtime/container parses them
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
};

/// One node of linux.devices.
struct Device {
  char type = 'c';  ///< 'c' (also for 'u'), 'b' or 'p' (fifo)
  std::string path;
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<mode_t> file_mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
};

/// One line of linux.resources.devices; later lines win.
struct DeviceRule {
  bool allow = false;
  char type = 'a';                    ///< 'a' (all), 'c', 'b'
  std::optional<std::int64_t> major;  ///< absent: any
  std::optional<std::int64_t> minor;
  bool read = true, write = true, mknod = true;
};

struct MemoryResources {
  std::optional<std::int64_t> limit, reservation, swap;  ///< bytes; -1: unlimited. swap is memory+swap, as in v1
  std::optional<std::int64_t> kernel, kernel_tcp;        ///< accepted, without effect on any kernel since 5.4
  std::optional<std::uint64_t> swappiness;               ///< 0..100
  std::optional<bool> disable_oom_killer, use_hierarchy, check_before_update;
};

struct CpuResources {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;    ///< microseconds; -1: unlimited
  std::optional<std::uint64_t> period;  ///< microseconds
  std::optional<std::uint64_t> burst;   ///< microseconds
  std::optional<std::int64_t> realtime_runtime;
  std::optional<std::uint64_t> realtime_period;
  std::string cpus, mems;  ///< lists; empty: unset
  std::optional<std::int64_t> idle;
};

struct WeightDevice {
  std::int64_t major = 0, minor = 0;
  std::optional<std::uint16_t> weight, leaf_weight;
};
struct ThrottleDevice {
  std::int64_t major = 0, minor = 0;
  std::uint64_t rate = 0;
};
struct BlockIoResources {
  std::optional<std::uint16_t> weight, leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
};

struct HugepageLimit {
  std::string page_size;  ///< "2MB"
  std::uint64_t limit = 0;
};
struct NetworkPriority {
  std::string name;
  std::uint32_t priority = 0;
};
struct RdmaLimit {
  std::optional<std::uint32_t> hca_handles, hca_objects;
};

struct Resources {
  std::vector<DeviceRule> devices;
  MemoryResources memory;
  CpuResources cpu;
  std::optional<std::int64_t> pids_limit;  ///< <= 0 in config.json means unlimited and is stored as -1
  BlockIoResources block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<std::uint32_t> network_class_id;
  std::vector<NetworkPriority> network_priorities;
  std::map<std::string, RdmaLimit> rdma;
  std::map<std::string, std::string> unified;  ///< cgroup v2 file name -> text
};

struct TimeOffset {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
};

enum class SeccompAction : std::uint8_t { kill_thread, kill_process, trap, error, trace, allow, log, notify };
enum class SeccompOperator : std::uint8_t { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };

struct SeccompArgument {
  std::uint32_t index = 0;  ///< 0..5
  std::uint64_t value = 0;
  std::uint64_t value_two = 0;  ///< masked_equal: value is the mask, value_two what must remain
  SeccompOperator op{};
};
struct SeccompSyscall {
  std::vector<std::string> names;
  SeccompAction action{};
  std::optional<std::uint32_t> error;  ///< errno for `error`, message for `trace`; absent: EPERM
  std::vector<SeccompArgument> args;
};
struct Seccomp {
  SeccompAction default_action{};
  std::optional<std::uint32_t> default_error;
  std::vector<std::string> architectures;  ///< "SCMP_ARCH_X86_64", …; the native one always counts too
  std::vector<std::string> flags;          ///< "SECCOMP_FILTER_FLAG_…"
  std::string listener_path, listener_metadata;
  std::vector<SeccompSyscall> syscalls;
};

/// linux.intelRdt: a group of resctrl (cache and memory bandwidth classes of the processor).
struct IntelRdt {
  std::string class_id;               ///< "": a group of the container's own, named by its id
  std::vector<std::string> schemata;  ///< lines for the group's schemata file
  bool monitoring = false;
};

/// One entry of linux.netDevices: a network device that moves into the container.
struct NetDevice {
  std::string host_name;  ///< the key of linux.netDevices
  std::string name;       ///< in the container
};

struct Personality {
  std::uint64_t domain = 0;  ///< PER_LINUX or PER_LINUX32
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::map<std::string, TimeOffset> time_offsets;  ///< "monotonic", "boottime"
  std::vector<Device> devices;
  std::vector<NetDevice> net_devices;
  std::string cgroups_path;
  Resources resources;
  std::string rootfs_propagation;  ///< shared, slave, private, unbindable (r… too) or empty
  std::optional<Seccomp> seccomp;
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> masked_paths, readonly_paths;
  std::string mount_label;
  std::optional<supervisor::MemoryPolicyPlan> memory_policy;
  std::optional<IntelRdt> intel_rdt;
  std::optional<Personality> personality;

  /// The entry of a type, or nullptr where the container shares the runtime's own.
  [[nodiscard]] const Namespace* find(NamespaceType type) const;
  /// True where a new namespace of this type is made for the container.
  [[nodiscard]] bool makes(NamespaceType type) const;
};

struct ConsoleSize {
  std::uint16_t height = 0, width = 0;
};

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> additional_gids;
  std::optional<mode_t> umask;
};

/// config.json's `process`, and the whole of the file given by `exec --process`.
struct Process {
  bool terminal = false;
  ConsoleSize console_size;
  User user;
  std::vector<std::string> args;  ///< never empty
  std::vector<std::string> env;
  std::string cwd;  ///< absolute
  supervisor::CapabilitySets capabilities;
  bool capabilities_given = false;  ///< exec keeps the container's own where process.json has none
  std::vector<supervisor::Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile, selinux_label;
  std::optional<std::int32_t> oom_score_adj;
  std::optional<supervisor::SchedulerPlan> scheduler;
  std::optional<std::uint32_t> io_priority;  ///< the value for ioprio_set(2)
  std::string cpu_affinity_initial, cpu_affinity_final;
};

struct Root {
  std::string path;  ///< absolute on the host, as found: relative to the bundle in config.json
  bool read_only = false;
};

struct Spec {
  std::string oci_version;
  Root root;
  std::vector<Mount> mounts;
  Process process;
  std::string hostname, domainname;
  Hooks hooks;
  Annotations annotations;
  Linux linux_;
};

}  // namespace warder::runtime
