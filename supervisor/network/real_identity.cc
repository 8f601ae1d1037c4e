#include "supervisor/network/real_identity.h"

#include <unistd.h>

#include <cstdlib>

#include "linux/credentials.h"

namespace warder::supervisor::network {

RealIdentity::RealIdentity(Caller& caller) : caller_(caller) { ok_ = take() && caller_.act_on_files().ok(); }

bool RealIdentity::take() {
  const Credentials& wanted = caller_.credentials();
  own_uid_ = ::getuid();
  own_gid_ = ::getgid();
  if (own_uid_ == wanted.real_uid && own_gid_ == wanted.real_gid) return true;
  changed_ = true;
  return set_real(wanted.real_uid, wanted.real_gid);
}

/// Capabilities do not change by it: PID 1 has SECBIT_NO_SETUID_FIXUP. The file system ids follow the effective ones with every
/// such call and are set again to what ThreadIdentity knows.
bool RealIdentity::set_real(uid_t uid, gid_t gid) {
  constexpr auto keep = static_cast<uid_t>(-1);
  const Credentials& known = caller_.credentials();
  caller_.identity().own();
  return kernel::set_thread_gids(gid, keep, keep) == 0 && kernel::set_thread_uids(uid, keep, keep) == 0 &&
         kernel::set_thread_fs_gid(known.fs_gid) == 0 && kernel::set_thread_fs_uid(known.fs_uid) == 0;
}

RealIdentity::~RealIdentity() {
  if (!changed_) return;
  // A worker that cannot come back would answer the next caller as this one: the container ends instead.
  if (!set_real(own_uid_, own_gid_)) std::abort();
  (void)caller_.act_on_files();
}

}  // namespace warder::supervisor::network
