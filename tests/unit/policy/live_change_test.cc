#include "policy/live_change.h"

#include <boost/test/unit_test.hpp>

#include "policy/filter.h"
#include "policy/filter_coverage.h"
#include "policy/groups.h"
#include "policy/parse.h"
#include "policy/snapshot.h"

using namespace warder;
using namespace warder::policy;

namespace {

Profile profile_of(const std::string& body) {
  auto outcome = parse_profile("warder: 1\n" + body, std::make_shared<const std::string>("p.yaml"), {"h", "c"});
  for (const auto& finding : outcome.findings) BOOST_ERROR(finding_text(finding));
  outcome.document.profile.name = outcome.document.profile.layers.front().name = "p";
  return outcome.document.profile;
}

KernelFacts kernel() {
  KernelFacts facts;
  facts.user_notify = true;
  facts.landlock_abi = 7;
  return facts;
}

struct Change {
  Change(const std::string& before, const std::string& after) : was(profile_of(before)), is(profile_of(after)) {
    auto created = lower(was, kernel(), {});
    BOOST_REQUIRE_MESSAGE(created.ok(), (created.ok() ? "" : created.error().text()));
    block = std::move(created->block);
    auto planned = plan_live_change(*Compiled::open(block), was, is, kernel(), {});
    BOOST_REQUIRE(planned.ok());
    change = *std::move(planned);
  }
  [[nodiscard]] bool names(const std::vector<std::string>& list, std::string_view part) const {
    return std::ranges::any_of(list, [&](const auto& one) { return one.find(part) != std::string::npos; });
  }
  [[nodiscard]] bool impossible(std::string_view part) const { return names(change.impossible, part); }
  [[nodiscard]] bool loosened(std::string_view part) const { return names(change.loosened, part); }

  Profile was, is;
  std::vector<std::byte> block;
  LiveChange change;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(live_change)

BOOST_AUTO_TEST_CASE(an_unchanged_profile_changes_nothing) {
  for (const std::string body : {"paths: {'/**': rx, '/w/**': rwx}\nnetwork: {connect: ['tcp *:443']}\n", "live: true\n",
                                 "audit: cheap\npaths: {'/**': rx, '/w/**': rwx}\n"}) {
    const Change same(body, body);
    BOOST_TEST(same.change.impossible.empty(), body << (same.change.impossible.empty() ? "" : same.change.impossible.front()));
    BOOST_TEST((same.change.loosened.empty() && same.change.differences.empty()), body);
  }
}

BOOST_AUTO_TEST_CASE(the_new_block_decides_like_the_new_profile) {
  const Change tighter("live: true\npaths: {'/**': all}\n",
                       "live: true\npaths: {'/**': all, '/s': hide, '/etc/**': rx}\nsyscalls: {deny: [ptrace]}\n");
  BOOST_REQUIRE(tighter.change.impossible.empty());
  BOOST_TEST(tighter.change.loosened.empty());
  const auto compiled = Compiled::open(tighter.change.block);
  BOOST_REQUIRE(compiled.ok());
  BOOST_TEST(compiled->path("/s/x", {}).hidden);
  BOOST_TEST(!compiled->path("/etc/passwd", Right::write).allowed);
  BOOST_TEST(!compiled->syscall(*syscall_number("ptrace")).allowed);
  BOOST_TEST(compiled->checks_exec());
}

BOOST_AUTO_TEST_CASE(with_live_every_kind_of_rule_can_be_tightened) {
  for (const std::string body :
       {"paths: {'/**': ro}\n", "paths: {'/**': all, '/x': hide}\n", "paths: {'/**': {allow: all, audit: [read]}}\n",
        "network: {connect: []}\n", "network: {bind: []}\n", "network: {families: [unix]}\n",
        "syscalls: {deny: ['@mount', '@debug', '@keyring']}\n", "mode: learn\n"}) {
    const Change change("live: true\n", "live: true\n" + body);
    BOOST_TEST(change.change.impossible.empty(),
               body << ": " << (change.change.impossible.empty() ? "" : change.change.impossible.front()));
  }
}

BOOST_AUTO_TEST_CASE(what_the_program_lets_pass_is_named_with_its_line) {
  const std::string before = "paths:\n  '/**': rx\n  '/w/**': rwx\n";
  BOOST_TEST(Change(before, before + "  '/x': hide\n").impossible("p.yaml:5:3: hides /x"));
  BOOST_TEST(Change(before, before + "  '/x': none\n").impossible("p.yaml:5:3: takes "));
  BOOST_TEST(Change(before, before + "network: {connect: []}\n").impossible("connect"));
  BOOST_TEST(Change(before, before + "network: {families: [inet]}\n").impossible("takes unix away"));
  BOOST_TEST(Change(before, before + "syscalls: {deny: [getpid]}\n").impossible("denies getpid"));
  BOOST_TEST(Change(before, before + "capabilities: {max: []}\n").impossible("capabilities"));
  BOOST_TEST(Change(before, before + "audit: cheap\n").impossible("audit"));
  BOOST_TEST(Change(before, before + "live: true\n").impossible("live"));
  BOOST_TEST(Change(before, before + "  '/w/fixed/**': rx\n").change.impossible.empty());
  BOOST_TEST(Change("audit: cheap\n", "audit: cheap\n" + before).impossible("nothing of this container's profile"));
}

BOOST_AUTO_TEST_CASE(what_is_given_back_is_loosened_and_what_is_walled_off_stays_so) {
  const std::string before = "paths:\n  '/**': rx\n  '/w/**': rw\n";
  const Change more(before, before + "  '/v/**': rw\n");
  BOOST_TEST(more.change.impossible.empty());
  BOOST_TEST(more.loosened("p.yaml:5:3: gives back"));
  BOOST_TEST(Change("network: {connect: ['tcp *:443']}\n", "network: {connect: ['tcp *:443', 'tcp 10.0.0.0/8:80']}\n")
                 .loosened("10.0.0.0:80"));
  BOOST_TEST(Change("network: {connect: ['tcp *:443']}\n", "network: {connect: ['tcp *:443', '!tcp 10.0.0.0/8']}\n")
                 .change.loosened.empty());
  BOOST_TEST(Change("syscalls: {deny: [chroot]}\n", "").loosened("gives back chroot"));
  BOOST_TEST(Change("audit: cheap\npaths: {'/**': ro}\nsyscalls: {deny: [getpid]}\n", "audit: cheap\npaths: {'/**': ro}\n")
                 .impossible("gives back getpid, but the seccomp program refuses it"));
  BOOST_TEST(Change("live: true\n", "live: true\nmode: audit\n").loosened("mode"));
  BOOST_TEST(Change("live: true\n", "live: true\nsyscalls: {allow: [clone]}\n").loosened("gives back clone"));
}

BOOST_AUTO_TEST_CASE(the_coverage_of_a_program_is_over_all_arguments) {
  const FilterPlan plan{{{2, {{1, ArgumentTest::Kind::any_bit, 0x40, 0, false}}, FilterAction::notify, 0},
                         {3, {}, FilterAction::notify, 0},
                         {4, {{0, ArgumentTest::Kind::equal, 0xffffffff, 17, false}}, FilterAction::error, 1}},
                        100};
  const auto program = generate_filter(plan);
  BOOST_REQUIRE(program.ok());
  const FilterCoverage coverage(*program);
  BOOST_TEST(!coverage.never_passes(2));
  BOOST_TEST(coverage.never_passes(2, [](const seccomp_data& data) { return (data.args[1] & 0x40) != 0; }));
  BOOST_TEST((coverage.never_passes(3) && !coverage.refuses(3)));
  BOOST_TEST(coverage.refuses(4));
  BOOST_TEST(!coverage.refuses(4, [](const seccomp_data& data) { return data.args[0] != 17; }));
}

BOOST_AUTO_TEST_CASE(a_snapshot_gives_the_same_profile_again) {
  Profile profile = profile_of("paths: {'/${HOSTNAME}/**': rx}\n");
  profile.mode = Mode::learn;
  profile.mode_by_annotation = true;
  profile.ceiling = std::make_shared<const Profile>(profile_of("paths: {'/**': all}\n"));
  const auto again = profile_of(snapshot_of(profile), {"h", "c"});
  BOOST_REQUIRE(again.has_value());
  BOOST_TEST(again->hash() == profile.hash());
  BOOST_TEST((again->paths->front().pattern == "/h/**" && again->mode == Mode::learn));
  BOOST_REQUIRE(again->ceiling != nullptr);
  BOOST_TEST(again->ceiling->paths->front().pattern == "/**");
}

BOOST_AUTO_TEST_SUITE_END()
