#include "supervisor/network/real_identity.h"

#include <unistd.h>

#include <cstdlib>

#include "linux/credentials.h"

namespace warder::supervisor::network {

RealIdentity::RealIdentity(Caller& caller) : caller_(caller) { ok_ = take() && caller_.act().ok(); }

bool RealIdentity::take() {
  const Credentials& wanted = caller_.credentials();
  uid_t real = 0;
  uid_t effective = 0;
  gid_t real_group = 0;
  gid_t effective_group = 0;
  if (::getresuid(&real, &effective, &own_uid_) != 0 || ::getresgid(&real_group, &effective_group, &own_gid_) != 0) return false;
  if (real == wanted.real_uid && effective == wanted.effective_uid && real_group == wanted.real_gid &&
      effective_group == wanted.effective_gid) {
    return true;
  }
  caller_.identity().own();
  changed_ = true;
  // Capabilities do not change by it: PID 1 has SECBIT_NO_SETUID_FIXUP. The file system ids follow the effective ones and are set
  // again to what ThreadIdentity knows.
  return kernel::set_thread_gids(wanted.real_gid, wanted.effective_gid, own_gid_) == 0 &&
         kernel::set_thread_uids(wanted.real_uid, wanted.effective_uid, own_uid_) == 0 &&
         kernel::set_thread_fs_gid(wanted.fs_gid) == 0 && kernel::set_thread_fs_uid(wanted.fs_uid) == 0;
}

RealIdentity::~RealIdentity() {
  if (!changed_) return;
  const Credentials& wanted = caller_.credentials();
  caller_.identity().own();
  const bool back = kernel::set_thread_uids(own_uid_, own_uid_, own_uid_) == 0 &&
                    kernel::set_thread_gids(own_gid_, own_gid_, own_gid_) == 0 && kernel::set_thread_fs_gid(wanted.fs_gid) == 0 &&
                    kernel::set_thread_fs_uid(wanted.fs_uid) == 0;
  // A worker that cannot come back would answer the next caller as this one: the container ends instead.
  if (!back) std::abort();
  (void)caller_.act();
}

}  // namespace warder::supervisor::network
