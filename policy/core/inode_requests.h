// Requests of ioctl(2) that change what a file system keeps of an inode, though the descriptor may only read. Pure data.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace warder::policy {

/// Requests with an argument that can be copied, so that they can be made for the caller: ioctl_iflags(2),
/// ioctl_xfs_fssetxattr(2).
inline constexpr std::array<std::uint32_t, 4> inode_request_list = {
    0x40086602,  // FS_IOC_SETFLAGS
    0x401c5820,  // FS_IOC_FSSETXATTR
    0x40087602,  // FS_IOC_SETVERSION
    0x40086604,  // EXT4_IOC_SETVERSION
};
[[nodiscard]] constexpr std::span<const std::uint32_t> inode_requests() { return inode_request_list; }

/// The second byte of requests that file systems know: general and ext4, xfs and general, versions, btrfs.
inline constexpr std::array<std::uint8_t, 4> inode_request_types = {'f', 'X', 'v', 0x94};

/// Requests of these types that only ask, or that need a descriptor which writes.
inline constexpr std::array<std::uint32_t, 11> harmless_inode_requests = {
    0x80086601,  // FS_IOC_GETFLAGS
    0x80087601,  // FS_IOC_GETVERSION
    0x80086603,  // EXT4_IOC_GETVERSION
    0x801c581f,  // FS_IOC_FSGETXATTR
    0xc020660b,  // FS_IOC_FIEMAP
    0x81009431,  // FS_IOC_GETFSLABEL
    0x40049409,  // FICLONE
    0x4020940d,  // FICLONERANGE
    0xc0189436,  // FIDEDUPERANGE
    0xc0046686,  // FS_IOC_MEASURE_VERITY
    0x8010581e,  // XFS_IOC_DIOINFO
};

/// Whether a request of those types changes the inode.
[[nodiscard]] constexpr bool changes_inode(std::uint32_t request) {
  bool of_type = false;
  for (const std::uint8_t type : inode_request_types) of_type = of_type || (request >> 8U & 0xffU) == type;
  if (!of_type) return false;
  for (const std::uint32_t harmless : harmless_inode_requests) {
    if (request == harmless) return false;
  }
  return true;
}

}  // namespace warder::policy
