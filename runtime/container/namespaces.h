// Which namespaces a container makes and which it joins. The host process of `create`; nothing here changes the calling process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/fd.h"
#include "linux/result.h"
#include "runtime/config/spec.h"

namespace warder::runtime {

struct JoinedNamespace {
  NamespaceType type{};
  Fd fd;
};

/// What P1 and P2 are made with.
struct NamespacePlan {
  std::uint64_t clone_flags = 0;  ///< for P1: all that is new except cgroup and time, which come later; the outer PID namespace
  bool new_pid = false;           ///< P2 gets a PID namespace of its own inside P1's
  bool new_cgroup = false;        ///< made by P1 once it is in its cgroup
  bool new_time = false;          ///< made by P1, entered by P2
  std::vector<JoinedNamespace> joined;        ///< all but pid; the user namespace last
  std::optional<JoinedNamespace> joined_pid;  ///< for P2
  bool joins_user = false;

  [[nodiscard]] bool new_user() const;
  [[nodiscard]] bool in_user_namespace() const { return joins_user || new_user(); }
  /// True where joining cannot be left to P1, because it would have lost the right to by then.
  [[nodiscard]] bool needs_intermediate() const { return in_user_namespace() && !joined.empty(); }
  [[nodiscard]] std::vector<const JoinedNamespace*> all_joined() const;
};

/// Opens every path and checks that it is a namespace of the type said (NS_GET_NSTYPE). Fails without a mount namespace.
///
/// A PID namespace given as that of one of our supervisors (/proc/N/ns/pid with N from a pid file) means the one that its
/// workload sees: that is opened instead.
Result<NamespacePlan> plan_namespaces(const Spec& spec);

/// Enters what was planned, user namespaces in the order that keeps the right to enter the others. The mount namespace moves root
/// and working directory too. Single-threaded callers.
Result<void> join(const std::vector<const JoinedNamespace*>& namespaces);

}  // namespace warder::runtime
