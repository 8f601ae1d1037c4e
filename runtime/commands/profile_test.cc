// `warder profile test NAME...`: the `tests:` section of profiles, answered by the reference meaning.
#include <fmt/format.h>

#include "policy/request.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {

Result<int> test_profiles(const std::vector<std::string>& names, const ProfileOptions& options) {
  std::size_t passed = 0;
  std::size_t failed = 0;
  for (const auto& name : names) {
    const policy::Profile profile = WARDER_TRY(load_profile(name, options));
    for (const auto& test : profile.tests) {
      const policy::Request request = WARDER_TRY_WITH(policy::parse_request(test.operation, test.object), place(test.source));
      const policy::Verdict verdict = policy::decide(profile, request);
      // A profile that only logs is tested for what it would do.
      const bool allowed = verdict.allowed && !verdict.would_refuse;
      if (allowed == test.expect_allow) {
        ++passed;
        continue;
      }
      ++failed;
      WARDER_TRY(
          print(fmt::format("{}: {} {}: expected {}, but it is {} by {}\n", place(test.source), test.operation, test.object,
                            test.expect_allow ? "allow" : "deny", allowed ? "allowed" : "denied", place(verdict.origin))));
    }
  }
  WARDER_TRY(print(fmt::format("{} passed, {} failed\n", passed, failed)));
  return failed == 0 ? 0 : 1;
}

}  // namespace warder::runtime
