#include "policy/decide.h"

#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>

#include "policy/address_text.h"
#include "policy/layers.h"
#include "policy/load.h"
#include "policy/parse.h"
#include "policy/request.h"

using namespace warder::policy;

namespace {

Profile profile_of(const std::string& body) {
  const auto file = std::make_shared<const std::string>("test.yaml");
  const auto outcome = parse_profile("warder: 1\n" + body, file, {"host", "id"});
  for (const auto& finding : outcome.findings) BOOST_TEST_MESSAGE(finding_text(finding));
  BOOST_REQUIRE(!has_errors(outcome.findings));
  return outcome.document.profile;
}

Verdict ask(const Profile& profile, std::string_view operation, std::string_view object) {
  const auto request = parse_request(operation, object);
  BOOST_REQUIRE_MESSAGE(request.ok(), operation << " " << object);
  return decide(profile, *request);
}

void allows(const Profile& profile, std::string_view operation, std::string_view object) {
  BOOST_TEST(ask(profile, operation, object).allowed, operation << " " << object << " is refused");
}

void refuses(const Profile& profile, std::string_view operation, std::string_view object, int error, unsigned line) {
  const Verdict verdict = ask(profile, operation, object);
  BOOST_TEST_CONTEXT(operation << " " << object) {
    BOOST_TEST(!verdict.allowed);
    BOOST_TEST(verdict.would_refuse);
    BOOST_TEST(verdict.error == error);
    BOOST_TEST(verdict.origin.line == line);
    BOOST_TEST(verdict.origin.file == "test.yaml");
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decisions)

BOOST_AUTO_TEST_CASE(a_file_may_not_gain_rights_by_a_new_name) {
  const Profile profile = profile_of(
      "paths:\n"
      "  '/**': all\n"
      "  '/locked/**': [read, list, rename, link]\n"
      "  '/kept': ro\n");
  allows(profile, "rename", "/free/a /free/b");
  allows(profile, "rename", "/free/a /locked/a");
  allows(profile, "link", "/locked/a /locked/b");
  refuses(profile, "rename", "/locked/a /free/a", EXDEV, 4);
  refuses(profile, "link", "/locked/a /free/a", EXDEV, 4);
  refuses(profile, "rename", "/kept /free/a", EACCES, 5);
  refuses(profile, "link", "/free/a /kept", EACCES, 5);
}

BOOST_AUTO_TEST_CASE(the_last_matching_entry_decides_all_rights) {
  const Profile profile = profile_of(
      "paths:\n"
      "  '/**': rx\n"
      "  '/work/**': rwx\n"
      "  '/work/.git/hooks/**': ro\n"
      "  '/etc/shadow': none\n");
  allows(profile, "read", "/bin/sh");
  allows(profile, "exec", "/bin/sh");
  refuses(profile, "write", "/bin/sh", EACCES, 3);
  allows(profile, "write", "/work/a");
  refuses(profile, "write", "/work/.git/hooks/pre-commit", EACCES, 5);
  refuses(profile, "create", "/work/.git/hooks/pre-commit", EACCES, 5);
  refuses(profile, "read", "/etc/shadow", EACCES, 6);
  allows(profile, "stat", "/etc/shadow");
  refuses(profile, "chown", "/work/a", EACCES, 4);
}

BOOST_AUTO_TEST_CASE(an_absent_section_restricts_nothing_and_a_present_one_is_complete) {
  const Profile open = profile_of("description: x\n");
  allows(open, "write", "/etc/shadow");
  allows(open, "connect", "tcp 1.2.3.4:5");
  allows(open, "socket", "packet");
  const Profile closed = profile_of("paths:\n  '/a': ro\nnetwork:\n  connect: []\n  families: [inet]\n");
  refuses(closed, "read", "/b", EACCES, 2);
  refuses(closed, "connect", "tcp 1.2.3.4:5", EACCES, 5);
  allows(closed, "bind", "tcp 1.2.3.4:5");
  refuses(closed, "socket", "packet", EAFNOSUPPORT, 6);
  allows(closed, "socket", "inet");
}

BOOST_AUTO_TEST_CASE(the_name_of_a_directory_belongs_to_the_entry_of_its_parent) {
  const Profile profile = profile_of(
      "paths:\n"
      "  '/**': ro\n"
      "  '/work/**': rw\n"
      "  '/work/keep/**': ro\n");
  refuses(profile, "rename", "/work", EACCES, 3);
  refuses(profile, "rmdir", "/work", EACCES, 3);
  allows(profile, "chmod", "/work");
  allows(profile, "rmdir", "/work/keep");
  refuses(profile, "mkdir", "/work/keep", EACCES, 5);
  refuses(profile, "rmdir", "/work/keep/x", EACCES, 5);
}

BOOST_AUTO_TEST_CASE(hiding_answers_that_nothing_is_there) {
  const Profile profile = profile_of(
      "paths:\n"
      "  '/**': rwx\n"
      "  '/run/secrets': hide\n"
      "  '/run/secrets/public': ro\n");
  refuses(profile, "stat", "/run/secrets", ENOENT, 4);
  refuses(profile, "read", "/run/secrets/key", ENOENT, 4);
  refuses(profile, "stat", "/run/secrets/a/b", ENOENT, 4);
  refuses(profile, "create", "/run/secrets/new", EACCES, 4);
  refuses(profile, "rename", "/run/secrets", ENOENT, 4);
  BOOST_TEST(ask(profile, "stat", "/run/secrets/key").hidden);
  BOOST_TEST(!ask(profile, "create", "/run/secrets/new").hidden);
  allows(profile, "read", "/run/secrets/public");
  allows(profile, "stat", "/run");
}

BOOST_AUTO_TEST_CASE(what_is_hidden_is_never_answered_by_a_kill) {
  const Profile profile = profile_of("on-deny: {action: kill}\npaths:\n  '/**': ro\n  '/s': hide\n");
  BOOST_TEST(static_cast<int>(ask(profile, "stat", "/s").action) == static_cast<int>(DenyAction::refuse));
  BOOST_TEST(static_cast<int>(ask(profile, "write", "/a").action) == static_cast<int>(DenyAction::kill));
}

BOOST_AUTO_TEST_CASE(the_errno_comes_from_the_entry_then_from_on_deny) {
  const Profile profile =
      profile_of("on-deny: {errno: EPERM}\npaths:\n  '/a': {allow: ro, errno: EROFS}\n  '/b': ro\nsyscalls: {deny: [bpf]}\n");
  refuses(profile, "write", "/a", EROFS, 4);
  refuses(profile, "write", "/b", EPERM, 5);
  refuses(profile, "read", "/c", EPERM, 3);
  refuses(profile, "syscall", "bpf", EPERM, 6);
}

BOOST_AUTO_TEST_CASE(audited_rights_are_allowed_and_logged) {
  const Profile profile = profile_of("paths:\n  '/k': {allow: [read, write], audit: [write]}\n");
  BOOST_TEST(ask(profile, "write", "/k").audited);
  BOOST_TEST(ask(profile, "write", "/k").allowed);
  BOOST_TEST(!ask(profile, "read", "/k").audited);
}

BOOST_AUTO_TEST_CASE(a_directory_does_not_move_where_something_below_gains_a_right) {
  const Profile profile = profile_of(
      "paths:\n"
      "  '/**': ro\n"
      "  '/work/**': rwx\n"
      "  '/work/.git/hooks/**': ro\n"
      "  '/tmp/**': rw\n");
  refuses(profile, "move", "/work/.git /work/g", EXDEV, 5);
  refuses(profile, "move", "/work/.git/hooks /work/h", EXDEV, 5);
  allows(profile, "move", "/work/a /work/b");
  refuses(profile, "move", "/tmp/a /work/a", EXDEV, 6);
  allows(profile, "move", "/work/a /tmp/a");
  refuses(profile, "move", "/work/a /opt/a", EACCES, 3);
}

BOOST_AUTO_TEST_CASE(a_directory_does_not_move_where_something_below_would_be_seen) {
  const Profile profile = profile_of("paths:\n  '/**': rwx\n  '/d/*/secret': hide\n");
  BOOST_TEST(decide_move(profile, "/d/a", "/d/b").allowed);
  BOOST_TEST(!decide_move(profile, "/d/a", "/e").allowed);
  BOOST_TEST(!decide_move(profile, "/d", "/e").allowed);
  BOOST_TEST(decide_move(profile, "/e", "/d/a").allowed);
}

BOOST_AUTO_TEST_CASE(the_last_matching_address_decides) {
  const Profile profile = profile_of(
      "network:\n"
      "  connect:\n"
      "    - 'tcp *:443'\n"
      "    - '!tcp 169.254.0.0/16'\n"
      "    - 'udp 10.0.0.53:53'\n"
      "    - 'tcp [2001:db8::]/32:80,8000-8099'\n"
      "    - 'unix /run/pg/*'\n"
      "    - 'abstract dbus-*'\n"
      "  bind: ['tcp *:8080']\n");
  allows(profile, "connect", "tcp 1.2.3.4:443");
  allows(profile, "connect", "tcp [2001:db8:1::1]:8010");
  allows(profile, "connect", "tcp [::1]:443");
  refuses(profile, "connect", "tcp [2001:db9::1]:80", EACCES, 3);
  refuses(profile, "connect", "tcp 169.254.169.254:443", EACCES, 5);
  refuses(profile, "connect", "tcp [::ffff:169.254.169.254]:443", EACCES, 5);
  refuses(profile, "connect", "tcp 1.2.3.4:80", EACCES, 3);
  allows(profile, "send", "udp 10.0.0.53:53");
  refuses(profile, "send", "udp 10.0.0.54:53", EACCES, 3);
  allows(profile, "connect", "unix /run/pg/s");
  refuses(profile, "connect", "unix /run/pg/a/s", EACCES, 3);
  allows(profile, "connect", "abstract dbus-1");
  allows(profile, "bind", "tcp 0.0.0.0:8080");
  refuses(profile, "bind", "tcp 0.0.0.0:8081", EACCES, 10);
  Endpoint raw;
  raw.family = AF_INET;
  BOOST_TEST(!decide_address(profile, NetOperation::connect, raw).allowed);
  raw.family = AF_NETLINK;
  BOOST_TEST(decide_address(profile, NetOperation::bind, raw).allowed);
}

BOOST_AUTO_TEST_CASE(a_mode_that_allows_still_says_what_it_would_refuse) {
  const Profile profile = profile_of("mode: audit\npaths:\n  '/a': ro\n");
  const Verdict verdict = ask(profile, "write", "/a");
  BOOST_TEST(verdict.allowed);
  BOOST_TEST(verdict.would_refuse);
  BOOST_TEST(verdict.error == EACCES);
}

BOOST_AUTO_TEST_CASE(the_ceiling_is_asked_first_and_in_its_own_mode) {
  Profile profile = profile_of("mode: learn\npaths:\n  '/**': all\nsyscalls: {allow: [bpf]}\n");
  profile.ceiling =
      std::make_shared<const Profile>(profile_of("paths:\n  '/**': all\n  '/etc/shadow': none\nsyscalls: {deny: [bpf]}\n"));
  refuses(profile, "read", "/etc/shadow", EACCES, 4);
  refuses(profile, "syscall", "bpf", EPERM, 5);
  allows(profile, "read", "/etc/passwd");
  Profile strict = profile_of("paths:\n  '/a': ro\n");
  strict.ceiling = std::make_shared<const Profile>(profile_of("mode: audit\npaths:\n  '/b': ro\n"));
  const Verdict verdict = ask(strict, "read", "/a");
  BOOST_TEST(verdict.allowed);
  BOOST_TEST(verdict.would_refuse);
  BOOST_TEST(verdict.origin.line == 3U);
}

BOOST_AUTO_TEST_CASE(a_single_call_outweighs_its_group) {
  const Profile profile = profile_of("syscalls:\n  deny: ['@mount']\n  allow: [umount2]\n");
  refuses(profile, "syscall", "mount", EPERM, 3);
  allows(profile, "syscall", "umount2");
  allows(profile, "syscall", "read");
}

BOOST_AUTO_TEST_CASE(a_family_that_no_namespace_divides_needs_socket_to_be_given_back) {
  BOOST_TEST(ask(profile_of("mode: learn\n"), "socket", "vsock").error == EAFNOSUPPORT);
  BOOST_TEST(!ask(profile_of("network: {families: [alg]}\n"), "socket", "alg").allowed);
  allows(profile_of("syscalls: {allow: [socket]}\n"), "socket", "vsock");
  allows(profile_of(""), "socket", "packet");
  BOOST_TEST(!ask(profile_of("network: {connect: []}\n"), "socket", "packet").allowed);
  allows(profile_of("network: {connect: []}\n"), "socket", "netlink");
}

BOOST_AUTO_TEST_CASE(the_hardening_set_stands_behind_every_profile) {
  const Profile profile = builtin_profile();
  const Verdict verdict = ask(profile, "syscall", "bpf");
  BOOST_TEST(!verdict.allowed);
  BOOST_TEST(verdict.origin.file == "builtin");
  BOOST_TEST(ask(profile, "syscall", "ptrace").allowed);
  const Profile given = profile_of("syscalls: {allow: [bpf]}\n");
  allows(given, "syscall", "bpf");
}

BOOST_AUTO_TEST_SUITE_END()
