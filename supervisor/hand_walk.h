// A path walked component by component, where the kernel's own walk would not be the caller's. Workers of PID 1.
//
// Three kinds of callers and paths need it: whatever touches a procfs (PID 1 is somebody else there, and is not in the workload's
// PID namespace at all, so "self" leads nowhere); callers that have chroot'ed; and, where a profile hides, paths that pass
// through links, since something hidden on the way must read as absent. Magic links are followed as what they are, and the caller
// may follow its own.
#pragma once

#include <string>
#include <vector>

#include "supervisor/walk.h"

namespace warder::supervisor {

/// True for a descriptor on any procfs.
bool on_procfs(BorrowedFd fd);

class HandWalk {
 public:
  HandWalk(Caller& caller, const policy::Compiled& policy, const WalkRequest& request)
      : caller_(caller), policy_(policy), request_(request), pending_(request.path) {}

  /// Walks from `start` (the caller's cwd or dirfd; not looked at where the path is absolute) to the object.
  Outcome<void> run(Fd start, Object& object);

 private:
  struct Component {
    std::string name;
    bool last = false;            ///< nothing but slashes follows
    bool directory_only = false;  ///< slashes follow
  };

  bool next(Component& component);
  Outcome<void> go_to_root();
  Outcome<void> follow_to_root();
  Outcome<void> go_up();
  Outcome<void> walk(const Component& component);
  Outcome<void> step(const Component& component);
  Outcome<void> step_in_procfs_root(const Component& component, bool& done);
  Outcome<void> follow(const Component& component, const Fd& link, const struct stat& facts);
  Outcome<void> follow_magic(const Component& component);
  Outcome<bool> is_magic(const Component& component);
  Outcome<void> check_sticky(const struct stat& link) const;
  Outcome<void> count_link();
  Outcome<bool> is_hidden(std::string_view in_it);
  Outcome<void> finish(Object& object);
  Outcome<Fd> open_here(const char* name, int flags, std::uint64_t resolve);
  void arrive(Fd fd);
  bool at(const Fd& place) const;
  Outcome<void> find_whose_directory();
  Outcome<void> meet_process(BorrowedFd procfs_root, const std::string& name);

  Caller& caller_;
  const policy::Compiled& policy_;
  const WalkRequest& request_;
  std::string pending_;
  Fd root_;
  Fd start_;               ///< kept for RESOLVE_BENEATH and RESOLVE_IN_ROOT
  std::vector<Fd> above_;  ///< with these: the way down from start_. ".." goes back on it, wherever directories move meanwhile
  Fd current_;
  int links_ = 0;
  bool procfs_ = false;       ///< current_ is on a procfs
  bool own_task_ = false;     ///< ... and below the caller's own directory there
  bool descriptors_ = false;  ///< ... and is its directory of descriptors
  int descriptor_ = -1;
  bool magic_ = false;       ///< current_ is the target of a magic link
  bool root_known_ = false;  ///< the kernel would have looked up the root by now
};

}  // namespace warder::supervisor
