// Compiled profiles against the reference meaning, on random profiles and requests.
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "policy/decide.h"
#include "policy/groups.h"
#include "policy/hardening.h"
#include "policy/lower.h"
#include "policy/pattern.h"
#include "tests/unit/policy/random_profile.h"

namespace warder::policy {
namespace {

using testing::RandomProfiles;

const KernelFacts new_kernel{7, true, true};

template <class T>
std::string fault(const Result<T>& result) {
  return result.ok() ? "" : result.error().text();
}

std::string described(const Verdict& verdict) {
  std::ostringstream text;
  text << "allowed " << verdict.allowed << " would_refuse " << verdict.would_refuse << " audited " << verdict.audited
       << " hidden " << verdict.hidden << " error " << verdict.error << " action " << static_cast<int>(verdict.action) << " at "
       << verdict.origin.file << ":" << verdict.origin.line;
  return text.str();
}

std::string described(const Profile& profile) {
  std::ostringstream text;
  for (const auto& entry : *profile.paths) {
    text << "\n  " << entry.source.line << " \"" << entry.pattern << "\": " << (entry.hide ? "hide" : rights_text(entry.allow))
         << " audit " << rights_text(entry.audit);
  }
  if (profile.ceiling) text << "\n under" << described(*profile.ceiling);
  return text.str();
}

Profile faultless(RandomProfiles& random, int entries) {
  Profile profile = random.profile(entries);
  std::erase_if(*profile.paths, [](const auto& entry) { return path_pattern_fault(entry.pattern).has_value(); });
  return profile;
}

BOOST_AUTO_TEST_CASE(a_compiled_profile_gives_the_verdict_of_the_reference) {
  RandomProfiles random(20261128);
  for (int round = 0; round < 600; ++round) {
    Profile profile = faultless(random, 7);
    if (random.below(4) == 0) profile.ceiling = std::make_shared<Profile>(faultless(random, 4));
    const auto lowered = lower(profile, new_kernel, {});
    BOOST_REQUIRE_EQUAL(fault(lowered), "");
    const auto compiled = Compiled::open(lowered->block);
    BOOST_REQUIRE_EQUAL(fault(compiled), "");
    for (int i = 0; i < 40; ++i) {
      const std::string path = random.path();
      const Rights wanted = random.wanted();
      const std::string expected = described(decide_path(profile, path, wanted));
      const std::string found = described(compiled->path(path, wanted));
      BOOST_REQUIRE_MESSAGE(found == expected, path << " for " << rights_text(wanted) << ": " << found
                                                    << ", but the reference: " << expected << described(profile));
    }
  }
}

BOOST_AUTO_TEST_CASE(no_directory_moves_that_the_reference_would_hold) {
  RandomProfiles random(7);
  int moved = 0;
  int held = 0;
  int held_by_reference = 0;
  for (int round = 0; round < 150; ++round) {
    Profile profile = faultless(random, 4);
    profile.mode = Mode::enforce;
    const auto lowered = lower(profile, new_kernel, {});
    BOOST_REQUIRE_EQUAL(fault(lowered), "");
    const auto compiled = Compiled::open(lowered->block);
    BOOST_REQUIRE(compiled.ok());
    for (int i = 0; i < 6; ++i) {
      const std::string from = random.path();
      const std::string to = random.path();
      const Verdict found = compiled->move_directory(from, to);
      const Verdict reference = decide_move(profile, from, to);
      ++(found.allowed ? moved : held);
      if (!reference.allowed) ++held_by_reference;
      BOOST_REQUIRE_MESSAGE(reference.allowed || !found.allowed, from << " to " << to << described(profile));
      if (!found.allowed) BOOST_TEST(found.error == EXDEV);
    }
  }
  BOOST_TEST_MESSAGE("moves allowed " << moved << ", held " << held << ", of these by the reference " << held_by_reference);
  BOOST_TEST(moved > 0);
  // What is held without need is the price of not looking at every path; it must stay small.
  BOOST_TEST(held <= held_by_reference * 3 / 2);
}

BOOST_AUTO_TEST_CASE(what_readdir_hides_is_what_stat_does_not_find) {
  RandomProfiles random(99);
  for (int round = 0; round < 300; ++round) {
    const Profile profile = faultless(random, 5);
    const auto lowered = lower(profile, new_kernel, {});
    BOOST_REQUIRE(lowered.ok());
    const auto compiled = Compiled::open(lowered->block);
    BOOST_REQUIRE(compiled.ok());
    for (int i = 0; i < 30; ++i) {
      const std::string directory = random.path();
      const std::string child = (directory == "/" ? "" : directory) + "/ab";
      BOOST_TEST(compiled->hidden_in(directory, "ab") == compiled->path(child, Rights()).hidden);
    }
  }
}

AddressRule random_rule(RandomProfiles& random, std::uint32_t line) {
  static constexpr Transport transports[] = {Transport::tcp, Transport::udp, Transport::unix_path, Transport::unix_abstract};
  AddressRule rule;
  rule.allow = random.below(3) != 0;
  rule.transport = random.one_of(transports);
  rule.source = random.source(line);
  if (rule.transport == Transport::unix_path) {
    do {
      rule.name = random.pattern();
    } while (path_pattern_fault(rule.name));
    return rule;
  }
  if (rule.transport == Transport::unix_abstract) {
    static constexpr const char* names[] = {"a*", "**", "*/b", "{a,b}*", "a?", "/**", "a/**", "[ab]c", "a/**/b"};
    rule.name = random.one_of(names);
    return rule;
  }
  rule.any_address = random.below(3) == 0;
  rule.ipv6 = random.below(3) == 0;
  rule.prefix = static_cast<std::uint8_t>(random.below(rule.ipv6 ? 129 : 33));
  for (auto& byte : rule.address) byte = static_cast<std::uint8_t>(random.below(4));
  rule.port_low = static_cast<std::uint16_t>(random.below(4));
  rule.port_high = static_cast<std::uint16_t>(rule.port_low + random.below(3));
  return rule;
}

BOOST_AUTO_TEST_CASE(addresses_are_decided_as_by_the_reference) {
  RandomProfiles random(443);
  static constexpr Transport transports[] = {Transport::tcp, Transport::udp, Transport::unix_path, Transport::unix_abstract,
                                             Transport::other};
  static constexpr NetOperation operations[] = {NetOperation::connect, NetOperation::bind, NetOperation::listen,
                                                NetOperation::send};
  for (int round = 0; round < 400; ++round) {
    Profile profile;
    profile.network.connect_source = random.source(1);
    profile.network.bind_source = random.source(2);
    std::uint32_t line = 3;
    for (auto* list : {&profile.network.connect, &profile.network.bind}) {
      if (random.below(4) == 0) continue;
      list->emplace();
      for (int i = random.below(6); i > 0; --i) (*list)->push_back(random_rule(random, line++));
    }
    if (random.below(2) == 0) profile.network.families = std::vector<int>{1, 2, 17};
    if (random.below(6) == 0) profile.syscalls.push_back({true, "socket", {*syscall_number("socket")}, 0, random.source(90)});
    const auto lowered = lower(profile, new_kernel, {});
    BOOST_REQUIRE_EQUAL(fault(lowered), "");
    const auto compiled = Compiled::open(lowered->block);
    BOOST_REQUIRE(compiled.ok());
    for (const int family : {1, 2, 10, 16, 17, 38, 40, 44}) {
      BOOST_REQUIRE_EQUAL(described(compiled->family(family)), described(decide_family(profile, family)));
    }
    for (int i = 0; i < 40; ++i) {
      static constexpr const char* abstract_names[] = {"a", "ab", "a/b", "/a", "bc", "", "a/x/b", "a/"};
      Endpoint endpoint;
      endpoint.transport = random.one_of(transports);
      endpoint.family = endpoint.transport == Transport::other && random.below(2) == 0 ? 16 : 2;
      endpoint.ipv6 = random.below(3) == 0;
      for (auto& byte : endpoint.address) byte = static_cast<std::uint8_t>(random.below(4));
      endpoint.port = static_cast<std::uint16_t>(random.below(6));
      const std::string path = random.path();
      if (endpoint.transport == Transport::unix_path) endpoint.name = path;
      if (endpoint.transport == Transport::unix_abstract) endpoint.name = random.one_of(abstract_names);
      const NetOperation operation = random.one_of(operations);
      BOOST_REQUIRE_EQUAL(described(compiled->address(operation, endpoint)),
                          described(decide_address(profile, operation, endpoint)));
    }
  }
}

BOOST_AUTO_TEST_CASE(refused_calls_are_those_of_the_reference) {
  RandomProfiles random(5);
  static constexpr const char* words[] = {"@mount", "@keyring", "bpf", "@io-uring", "getpid", "ptrace", "@debug", "clone3"};
  for (int round = 0; round < 60; ++round) {
    Profile profile = faultless(random, 2);
    if (random.below(2) == 0) profile.paths.reset();
    for (int i = random.below(5); i > 0; --i) {
      SyscallRule rule;
      rule.allow = random.below(2) == 0;
      rule.word = random.one_of(words);
      rule.numbers = *syscalls_of(rule.word);
      rule.source = random.source(static_cast<std::uint32_t>(100 + i));
      profile.syscalls.push_back(rule);
    }
    const auto lowered = lower(profile, new_kernel, {});
    BOOST_REQUIRE_EQUAL(fault(lowered), "");
    const auto compiled = Compiled::open(lowered->block);
    BOOST_REQUIRE(compiled.ok());
    for (int number = 0; number <= newest_syscall; ++number) {
      // Refused under a condition on their arguments, which the program has seen when they come to the supervisor.
      if (number == syscall_number("clone") || number == syscall_number("unshare")) continue;
      const Verdict expected = decide_syscall(profile, number);
      const Verdict found = compiled->syscall(number);
      BOOST_REQUIRE_MESSAGE(found.allowed == expected.allowed && found.error == expected.error &&
                                found.would_refuse == expected.would_refuse && found.action == expected.action,
                            syscall_name(number) << ": " << described(found) << ", but the reference: " << described(expected));
    }
  }
}

}  // namespace
}  // namespace warder::policy
