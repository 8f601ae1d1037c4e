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

}  // namespace warder::policy
