#include "policy/compare.h"

#include <boost/test/unit_test.hpp>

#include "policy/parse.h"

using namespace warder::policy;

namespace {

Profile profile_of(const std::string& body) {
  const auto outcome = parse_profile("warder: 1\n" + body, std::make_shared<const std::string>("p.yaml"), {"h", "c"});
  for (const auto& finding : outcome.findings) BOOST_ERROR(finding_text(finding));
  return outcome.document.profile;
}

/// "+what" or "-what" of every difference.
std::vector<std::string> differences(const std::string& before, const std::string& after) {
  std::vector<std::string> all;
  for (const auto& difference : compare_profiles(profile_of(before), profile_of(after))) {
    all.push_back((difference.allowed ? "+" : "-") + difference.what);
  }
  return all;
}

bool has(const std::vector<std::string>& all, std::string_view beginning) {
  return std::any_of(all.begin(), all.end(), [&](const std::string& one) { return one.starts_with(beginning); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(comparing)

BOOST_AUTO_TEST_CASE(equal_profiles_do_not_differ) {
  BOOST_TEST(differences("paths: {'/**': rx}\n", "paths: {'/{a,b}/**': rx, '/**': rx}\n").empty());
  BOOST_TEST(differences("", "").empty());
}

BOOST_AUTO_TEST_CASE(a_right_gained_or_lost_is_named_with_a_path) {
  const auto all =
      differences("paths: {'/**': rx, '/work/**': rwx}\n", "paths: {'/**': rx, '/work/**': rx, '/tmp/**': rwx, '/s': hide}\n");
  BOOST_TEST(has(all, "-write, create, delete"));
  BOOST_TEST(has(all, "+write, create, delete"));
  BOOST_TEST(has(all, "-the sight of /s"));
  BOOST_TEST(has(differences("", "paths: {'/**': ro}\n"), "-exec, write"));
}

BOOST_AUTO_TEST_CASE(addresses_calls_families_and_capabilities_are_compared) {
  const auto all = differences("network: {connect: ['tcp *:443'], families: [inet]}\ncapabilities: {max: [CHOWN]}\n",
                               "network: {connect: ['tcp *:443', '!tcp 10.0.0.0/8', 'unix /run/*'], families: [inet, unix]}\n"
                               "capabilities: {max: []}\nsyscalls: {deny: [ptrace], allow: [bpf]}\n");
  BOOST_TEST(has(all, "+connect unix /run/"));
  BOOST_TEST(has(all, "+socket unix"));
  BOOST_TEST(has(all, "-capability CHOWN"));
  BOOST_TEST(has(all, "-syscall ptrace"));
  BOOST_TEST(has(all, "+syscall bpf"));
  BOOST_TEST(!has(all, "+connect tcp"));
}

BOOST_AUTO_TEST_SUITE_END()
