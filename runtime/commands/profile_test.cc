// `warder profile test NAME...`: the `tests:` section of profiles, answered by the reference meaning.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "policy/request.h"
#include "runtime/commands/colour.h"
#include "runtime/commands/profile_verbs.h"
#include "runtime/commands/verb.h"

namespace warder::runtime {
namespace {

struct Answer {
  const policy::TestCase& test;
  bool allowed = false;
  std::string decided_by;
  [[nodiscard]] bool passed() const { return allowed == test.expect_allow; }
};

std::string_view word(bool allowed) { return allowed ? "allow" : "deny"; }

Result<Answer> ask(const policy::Profile& profile, const policy::TestCase& test) {
  const policy::Request request = WARDER_TRY_WITH(policy::parse_request(test.operation, test.object), place(test.source));
  const policy::Verdict verdict = policy::decide(profile, request);
  // A profile that only logs is tested for what it would do.
  return Answer{test, verdict.allowed && !verdict.would_refuse, place(verdict.origin)};
}

std::string text_of(const Answer& answer, Colour colour) {
  const policy::TestCase& test = answer.test;
  const std::string what = fmt::format("{} {}", test.operation, test.object);
  if (answer.passed()) return fmt::format("{}  {}: {}\n", painted(colour, Paint::good, "ok  "), what, word(answer.allowed));
  return fmt::format("{}  {}: {}: expected {}, but it is {} by {}\n", painted(colour, Paint::bad, "FAIL"), place(test.source),
                     what, word(test.expect_allow), answer.allowed ? "allowed" : "denied", answer.decided_by);
}

nlohmann::json json_of(const std::string& name, const Answer& answer) {
  const policy::TestCase& test = answer.test;
  return {{"profile", name},
          {"origin", place(test.source)},
          {"do", test.operation},
          {"object", test.object},
          {"expect", word(test.expect_allow)},
          {"is", word(answer.allowed)},
          {"decided_by", answer.decided_by},
          {"passed", answer.passed()}};
}

}  // namespace

Result<int> test_profiles(const std::vector<std::string>& names, const ProfileOptions& options) {
  std::size_t passed = 0;
  std::size_t failed = 0;
  const Colour colour = colour_of_output();
  nlohmann::json all = nlohmann::json::array();
  for (const auto& name : names) {
    const policy::Profile profile = WARDER_TRY(load_profile(name, options));
    if (profile.tests.empty())
      fmt::print(stderr, "{}: has no tests; a `tests:` section is a list of {{do, path or to, expect}}\n", name);
    for (const auto& test : profile.tests) {
      const Answer answer = WARDER_TRY(ask(profile, test));
      ++(answer.passed() ? passed : failed);
      if (options.format == Format::json) {
        all.push_back(json_of(name, answer));
      } else {
        WARDER_TRY(print(text_of(answer, colour)));
      }
    }
  }
  const std::string text = fmt::format("{} passed, {} failed\n", passed, failed);
  WARDER_TRY(
      print(options.format == Format::json ? all.dump() + "\n" : painted(colour, failed == 0 ? Paint::good : Paint::bad, text)));
  return failed == 0 ? 0 : 1;
}

}  // namespace warder::runtime
