// What Debian's 6.1 headers do not know yet: each constant with the kernel version it came in. Constants only; probe before use.
#pragma once

#include <linux/landlock.h>
#include <linux/seccomp.h>

#include <cstdint>

namespace warder::kernel {

// seccomp(2)
inline constexpr unsigned seccomp_fd_sync_wake_up = 1U << 0;                ///< SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, 6.6
inline constexpr unsigned long seccomp_ioctl_notif_set_flags = 0x40082104;  ///< SECCOMP_IOCTL_NOTIF_SET_FLAGS, 6.6

// landlock(7)
inline constexpr std::uint64_t landlock_fs_truncate = 1ULL << 14;         ///< LANDLOCK_ACCESS_FS_TRUNCATE, 6.2 (ABI 3)
inline constexpr std::uint64_t landlock_fs_ioctl_dev = 1ULL << 15;        ///< LANDLOCK_ACCESS_FS_IOCTL_DEV, 6.10 (ABI 5)
inline constexpr std::uint64_t landlock_net_bind_tcp = 1ULL << 0;         ///< LANDLOCK_ACCESS_NET_BIND_TCP, 6.7 (ABI 4)
inline constexpr std::uint64_t landlock_net_connect_tcp = 1ULL << 1;      ///< LANDLOCK_ACCESS_NET_CONNECT_TCP, 6.7 (ABI 4)
inline constexpr std::uint64_t landlock_scope_abstract_unix = 1ULL << 0;  ///< LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, 6.12 (ABI 6)
inline constexpr std::uint64_t landlock_scope_signal = 1ULL << 1;         ///< LANDLOCK_SCOPE_SIGNAL, 6.12 (ABI 6)
inline constexpr int landlock_rule_net_port = 2;                          ///< LANDLOCK_RULE_NET_PORT, 6.7 (ABI 4)
/// struct landlock_ruleset_attr as of 6.12; an older kernel takes its first members alone.
struct LandlockRulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};
/// struct landlock_net_port_attr, 6.7.
struct LandlockPortAttributes {
  std::uint64_t allowed_access;
  std::uint64_t port;
};

// System calls
inline constexpr int sys_fchmodat2 = 452;      ///< 6.6
inline constexpr int sys_setxattrat = 463;     ///< 6.13
inline constexpr int sys_getxattrat = 464;     ///< 6.13
inline constexpr int sys_listxattrat = 465;    ///< 6.13
inline constexpr int sys_removexattrat = 466;  ///< 6.13
inline constexpr int sys_file_getattr = 468;   ///< 6.17
inline constexpr int sys_file_setattr = 469;   ///< 6.17
/// struct file_attr as of 6.17.
struct FileAttributes {
  std::uint64_t flags;  ///< FS_XFLAG_*
  std::uint32_t extent_size;
  std::uint32_t extents;
  std::uint32_t project;
  std::uint32_t copy_extent_size;
};
inline constexpr int sys_mseal = 462;  ///< 6.10

// statx(2)
inline constexpr unsigned statx_mount_id_unique = 0x4000;  ///< STATX_MNT_ID_UNIQUE, 6.8: an id that is never used again

// pidfd_open(2)
inline constexpr unsigned pidfd_thread = 0200;  ///< PIDFD_THREAD (O_EXCL), 6.9
/// struct pidfd_info as of 6.13; later kernels append to it.
struct PidfdInfo {
  std::uint64_t mask;  ///< what is asked for, and then what was given
  std::uint64_t cgroup;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t real_uid, real_gid, effective_uid, effective_gid, saved_uid, saved_gid, fs_uid, fs_gid;
  std::int32_t exit_code;  ///< 6.15; before, nothing
};
inline constexpr unsigned long pidfd_get_info = 0xc040ff0b;       ///< PIDFD_GET_INFO: _IOWR(0xFF, 11, struct pidfd_info), 6.13
inline constexpr std::uint64_t pidfd_info_credentials = 1U << 1;  ///< PIDFD_INFO_CREDS, 6.13

}  // namespace warder::kernel
