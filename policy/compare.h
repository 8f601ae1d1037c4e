// What one profile allows and another does not, for `warder profile diff`. Pure.
#pragma once

#include <string>
#include <vector>

#include "policy/profile.h"

namespace warder::policy {

/// One thing that became allowed or denied on the way from `before` to `after`.
struct Difference {
  bool allowed = false;
  std::string what;      ///< "write, create on /work/x", "connect tcp 10.0.0.1:80", "syscall bpf", "capability CHOWN"
  Source before, after;  ///< the deciding lines; without a file where a section is absent
};

/// Paths: exact, with one example for each pair of entries that decide differently. Addresses: at the borders of every rule of
/// either profile. System calls, families and capabilities: each.
[[nodiscard]] std::vector<Difference> compare_profiles(const Profile& before, const Profile& after);

/// Rights on one path that the entries of two profiles decide differently, whatever their modes are.
struct PathDifference {
  bool allowed = false;
  Rights rights;     ///< empty: the sight of the path
  std::string path;  ///< one of those that this pair of entries decides
  Source before, after;
};
struct PathComparison {
  std::vector<PathDifference> differences;
  bool complete = true;  ///< false: too many patterns to walk all of them
};
[[nodiscard]] PathComparison compare_paths(const Profile& before, const Profile& after);

/// The part of compare_profiles() about addresses; exact but for host names and patterns of abstract names.
[[nodiscard]] std::vector<Difference> compare_addresses(const Profile& before, const Profile& after);

}  // namespace warder::policy
