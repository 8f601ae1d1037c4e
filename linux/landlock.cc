#include "linux/landlock.h"

#include <sys/syscall.h>

#include "linux/newer.h"

namespace warder::kernel {

int landlock_abi() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

std::uint64_t landlock_file_rights() {
  return LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | landlock_fs_truncate |
         landlock_fs_ioctl_dev;
}

Result<LandlockRuleset> LandlockRuleset::create(std::uint64_t handled_fs, std::uint64_t handled_net, std::uint64_t scoped) {
  const LandlockRulesetAttributes attributes{handled_fs, handled_net, scoped};
  // A kernel that does not know the later members refuses a longer structure only where they are not zero.
  Fd fd(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!fd) return Error::syscall("landlock_create_ruleset");
  return LandlockRuleset(std::move(fd));
}

Result<void> LandlockRuleset::allow_path(BorrowedFd parent, std::uint64_t access) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = parent.get();
  if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return Error::syscall("landlock_add_rule");
  }
  return {};
}

Result<void> LandlockRuleset::allow_port(std::uint16_t port, std::uint64_t access) {
  const LandlockPortAttributes rule{access, port};
  if (::syscall(SYS_landlock_add_rule, fd_.get(), landlock_rule_net_port, &rule, 0) != 0) {
    return Error::syscall("landlock_add_rule");
  }
  return {};
}

Result<void> LandlockRuleset::restrict_self() {
  if (::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0) return Error::syscall("landlock_restrict_self");
  return {};
}

}  // namespace warder::kernel
