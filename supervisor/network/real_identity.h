// Being the caller for those who ask who it is. Workers of PID 1.
//
// A UNIX socket remembers the real and effective ids of whoever connects, listens or sends (SO_PEERCRED, SCM_CREDENTIALS), while
// a worker usually takes on only the file system ids. For the length of such a call the worker has the caller's real and
// effective ids as well; its saved ids stay PID 1's, so that it can come back. What it cannot be is the caller's pid.
#pragma once

#include <sys/types.h>

#include "supervisor/caller.h"
#include "supervisor/outcome.h"

namespace warder::supervisor::network {

class [[nodiscard]] RealIdentity {
 public:
  /// The worker must be the caller (Caller::act) already. Check ok(): where it is false nothing may be done.
  explicit RealIdentity(Caller& caller);
  /// The worker is the caller as before: by its effective ids.
  ~RealIdentity();
  RealIdentity(const RealIdentity&) = delete;
  RealIdentity& operator=(const RealIdentity&) = delete;
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  bool take();
  bool set_real(uid_t uid, gid_t gid);

  Caller& caller_;
  uid_t own_uid_ = 0;
  gid_t own_gid_ = 0;
  bool changed_ = false;
  bool ok_ = false;
};

}  // namespace warder::supervisor::network
