#include "linux/credentials.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace warder::kernel {
namespace {

std::uint64_t joined(std::uint32_t low, std::uint32_t high) { return low | static_cast<std::uint64_t>(high) << 32U; }
std::uint32_t low_half(std::uint64_t set) { return static_cast<std::uint32_t>(set); }
std::uint32_t high_half(std::uint64_t set) { return static_cast<std::uint32_t>(set >> 32U); }

int outcome(long result) { return result == 0 ? 0 : errno; }

}  // namespace

Result<ThreadCapabilities> thread_capabilities() {
  ThreadCapabilities capabilities;
  if (const int error = capabilities_of(0, capabilities); error != 0) return Error::syscall("capget", error);
  return capabilities;
}

int capabilities_of(pid_t thread, ThreadCapabilities& capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, thread};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return errno;
  capabilities = {joined(data[0].effective, data[1].effective), joined(data[0].permitted, data[1].permitted),
                  joined(data[0].inheritable, data[1].inheritable)};
  return 0;
}

int set_thread_capabilities(const ThreadCapabilities& capabilities) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, 2> data{{
      {low_half(capabilities.effective), low_half(capabilities.permitted), low_half(capabilities.inheritable)},
      {high_half(capabilities.effective), high_half(capabilities.permitted), high_half(capabilities.inheritable)},
  }};
  return outcome(::syscall(SYS_capset, &header, data.data()));
}

int set_thread_fs_uid(uid_t uid) {
  ::syscall(SYS_setfsuid, uid);
  // A second call returns the id in force, whatever it is asked for; -1 is no valid id and changes nothing.
  return static_cast<uid_t>(::syscall(SYS_setfsuid, -1)) == uid ? 0 : EPERM;
}

int set_thread_fs_gid(gid_t gid) {
  ::syscall(SYS_setfsgid, gid);
  return static_cast<gid_t>(::syscall(SYS_setfsgid, -1)) == gid ? 0 : EPERM;
}

int set_thread_groups(std::span<const gid_t> groups) { return outcome(::syscall(SYS_setgroups, groups.size(), groups.data())); }

int set_thread_uids(uid_t real, uid_t effective, uid_t saved) {
  return outcome(::syscall(SYS_setresuid, real, effective, saved));
}

int set_thread_gids(gid_t real, gid_t effective, gid_t saved) {
  return outcome(::syscall(SYS_setresgid, real, effective, saved));
}

int set_thread_securebits(unsigned bits) { return outcome(::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0)); }

unsigned thread_securebits() { return static_cast<unsigned>(::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)); }

Result<void> own_fs_state() {
  if (::unshare(CLONE_FS) != 0) return Error::syscall("unshare (CLONE_FS)");
  return {};
}

}  // namespace warder::kernel
